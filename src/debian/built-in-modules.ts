/**
 * Standard library modules that are compiled into Debian's python3 and so have no file in any package (`sys.builtin_module_names`,
 * Python 3.9 to 3.14 together). A name that a newer Python dropped stays reserved: shadowing it is never wanted.
 */
export const BUILT_IN_MODULES: readonly string[] = (
  '_abc _ast _asyncio _bisect _blake2 _codecs _collections _csv _datetime _elementtree _functools _heapq _hmac _imp _io _locale _md5 ' +
  '_opcode _operator _pickle _posixsubprocess _random _sha1 _sha2 _sha256 _sha3 _sha512 _signal _socket _sre _stat _statistics _string ' +
  '_struct _suggestions _symtable _sysconfig _thread _tokenize _tracemalloc _types _typing _warnings _weakref array atexit binascii ' +
  'builtins cmath errno faulthandler fcntl gc grp itertools marshal math posix pwd pyexpat select spwd sys syslog time unicodedata ' +
  'xxsubtype zlib'
).split(' ');
