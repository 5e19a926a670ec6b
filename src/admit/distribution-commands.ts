import type { OfficialNames } from './admission.ts';

/**
 * Names of commands that Debian's packages set up as links with update-alternatives(1) when they are installed (policy,
 * appendix F). A package contains only the programs behind such a link, so that no Contents index knows the name itself.
 */
const ALTERNATIVES: ReadonlySet<string> = new Set(
  `al animate appletviewer aclocal aptitude arptables arptables-restore arptables-save automake awk bmake bsdtar
   c++ c89 c99 c89-gcc c99-gcc cc cli cli-al cli-csc cli-ildasm cli-ilasm cli-resgen cli-sn cli-wsdl clhsdb compare composite
   conjure convert cpp csc csh ctags display dmenu dmenu_path dmenu_run dotlock ebrowse ebtables ebtables-restore
   ebtables-save editor emacs emacsclient es etags eview evim ex extcheck f77 f95 faked fakeroot figlet finger
   firefox flash from frm ftp ghc gnome-codec-install gnome-text-editor gnome-www-browser gnuplot go gofmt gradle
   grep-changelog guild guile guile-tools gview gvim gvimdiff haskell-compiler hsdb identify idlj igawk import
   infobrowser ip6tables ip6tables-restore ip6tables-save iptables iptables-restore iptables-save irb ispell jaotc jar
   jarsigner java javac javadoc javah javap javaws jcmd jconsole jdb jdeprscan jdeps jexec jfr jhat jhsdb jimage jinfo
   jjs jlink jmap jmod joe jpackage jps jrunscript js jsadebugd jshell jstack jstat jstatd jwebserver keytool ksh
   ksh93 lex lft locate lpc lpq lpr lprm lp lua lua-compiler lua-interpreter luac lzcat lzcmp lzdiff lzegrep lzfgrep lzgrep lzip
   lzip-compressor lzip-decompressor lzless lzma lzmore mail Mail mailx mcs messages mkisofs mogrify montage movemail
   mp3-decoder mpg123 mpiCC mpic++ mpicc mpicxx mpiexec mpif77 mpif90 mpifort mpirun mt mvn mvnDebug mzscheme native2ascii
   nawk nc ncal netcat node nodejs ntalk nvidia-smi open orbd pack200 pager pax pdf-viewer pftp phar phar.phar php php-cgi
   php-config phpdbg phpize pic pico pinentry pinentry-x11 pmake policytool postscript-viewer prename prolog rar rc rcp
   readmsg rename rexec resgen rgview rgvim rlogin rmic rmid rmiregistry rmt rsh ruby runghc runhaskell rview rvim
   rzsh scala scalac schemagen scheme-r5rs serialver servertool sml ssh-askpass st stream stterm talk tclsh tcptraceroute telnet
   tftp tnameserv traceroute traceroute.sbin traceroute6 tracepath tracepath6 tracert unison unison-gtk unlzma unpack200
   unrar updatedb vi view vim vimdiff vncconfig vncpasswd vncserver vncviewer w which wish write wsgen wsimport
   www-browser x-cursor-theme x-session-manager x-terminal-emulator x-window-manager x-www-browser x0vncserver xjc
   xvncviewer Xvnc yacc`.split(/\s+/),
);

/** Whose command a name is, as the end of "a command of …"; undefined where the distribution has none of that name. */
export function distributionCommand(
  name: string,
  { programOwner }: Pick<OfficialNames, 'programOwner'>,
): string | undefined {
  const owner = programOwner(name);
  if (owner !== undefined) return `the official package ${owner}`;
  return ALTERNATIVES.has(name) ? 'the distribution that several of its packages can stand behind' : undefined;
}
