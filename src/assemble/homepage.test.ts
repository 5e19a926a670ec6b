import { describe, expect, it } from 'vitest';
import { homepageOf } from './homepage.ts';
import { METADATA } from '../model/testing/curd.ts';

describe('homepageOf', () => {
  it.each([
    ['Home-page', { homePage: 'https://a.example.org/' }, 'https://a.example.org/'],
    [
      'a labelled address',
      {
        projectUrls: [
          { label: 'Bug Tracker', url: 'https://b.example.org' },
          { label: 'Home-Page', url: 'https://a.example.org' },
        ],
      },
      'https://a.example.org',
    ],
    [
      'the next best where the first may not stand there',
      { homePage: 'javascript:alert(1)', projectUrls: [{ label: 'source', url: 'https://s.example.org' }] },
      'https://s.example.org',
    ],
    ['nothing', { homePage: 'https://a.example.org/\nEssential: yes' }, undefined],
  ])('takes %s', (_, metadata, expected) => {
    expect(homepageOf({ ...METADATA, ...metadata })).toBe(expected);
  });
});
