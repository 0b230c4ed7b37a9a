python3 -c 'import json,hashlib,threading; print(1)'
python3 - <<'P'
import os, sys, re, math, collections, itertools, datetime, decimal, fractions, random, string, textwrap, struct, zlib, base64, functools
print(sys.version_info[:2], sorted({'b':1,'a':2}.items()), re.findall(r'\d+', 'a1b22'))
print(math.pi, decimal.Decimal('0.1')+decimal.Decimal('0.2'), fractions.Fraction(1,3)+1, datetime.date(2024,2,29)+datetime.timedelta(365))
random.seed(1); print(random.random(), collections.Counter('mississippi').most_common(2), list(itertools.permutations('abc',2))[:3])
print(zlib.crc32(b'x'), base64.b64encode(b'portico'), struct.pack('<Q', 1), functools.reduce(lambda a,b:a*b, range(1,20)))
with open('f','w') as f: f.write('line\n'*3)
print(os.path.getsize('f'), open('f').readlines(), os.listdir('.')); os.remove('f')
try: 1/0
except ZeroDivisionError as e: print(e)
print(f"{12345.678:,.2f} {'x':>5} {255:#x}", textwrap.fill('a b c d e f', 5)); sys.exit(9)
P
echo $?
