import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** One picture of figures: what stands along the axis, and one or more series of values over it. */
export interface Chart {
  readonly title: string;
  /** One line below the title: what it was measured on. */
  readonly subtitle: string;
  /** `bars`: one group of bars for each name, from the top down; `lines`: one point for each name, from left to right. */
  readonly kind: 'bars' | 'lines';
  readonly names: readonly string[];
  /** Of the values, such as `ms` or `MiB`; written on the axis. */
  readonly unit: string;
  /** As many values as names each; undefined where there is none (`n/a`). */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
  /** A logarithmic axis, where values differ by orders of magnitude. Values must be above 0 then. */
  readonly logarithmic?: boolean;
}

/** Colour-blind safe (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];
const WIDTH = 860;
const HEAD = 110;
const BAR = 22;

/** Draws a chart as an SVG document, on white, with every value written beside its bar or point. */
export function drawChart(chart: Chart): string {
  const isBars = chart.kind === 'bars';
  const height = isBars ? HEAD + 60 + chart.names.length * (chart.series.length * BAR + 18) : 460;
  const drawn = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  const names = { type: 'category', data: [...chart.names], inverse: isBars, axisTick: { show: false } } as const;
  const values = {
    type: chart.logarithmic === true ? 'log' : 'value',
    name: chart.unit,
    nameLocation: isBars ? 'middle' : 'end',
    nameGap: isBars ? 28 : 12,
  } as const;
  try {
    drawn.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      color: COLOURS,
      textStyle: { fontFamily: 'sans-serif' },
      title: { text: chart.title, subtext: chart.subtitle, left: 20, top: 12 },
      legend: { show: chart.series.length > 1, left: 20, top: 66, itemGap: 24, icon: 'roundRect' },
      grid: {
        left: 24,
        right: 60,
        top: isBars ? HEAD : HEAD + 30,
        bottom: 40,
        outerBoundsMode: 'same',
        outerBoundsContain: 'axisLabel',
      },
      xAxis: isBars ? values : names,
      yAxis: isBars ? names : values,
      series: chart.series.map((series, index) => ({
        type: isBars ? ('bar' as const) : ('line' as const),
        name: series.name,
        data: series.values.map((value) => value ?? '-'),
        barMaxWidth: BAR,
        label: {
          show: true,
          // Of two lines the first has its values above, the second below.
          position: isBars ? ('right' as const) : index % 2 === 0 ? ('top' as const) : ('bottom' as const),
          formatter: ({ value }: { value: unknown }) => (typeof value === 'number' ? formatValue(value) : ''),
        },
      })),
    });
    return drawn.renderToSVGString();
  } finally {
    drawn.dispose();
  }
}

/** Three digits that count: `0.42`, `16.3`, `1,240`. */
export function formatValue(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
