python3 - <<'P'
import re, json, csv, io, textwrap, string, collections, itertools, functools, datetime, decimal, fractions, math, random, hashlib, base64, struct, zlib, difflib, unicodedata
print(re.sub(r'(\w)(\d)', r'\2\1', 'a1 b2'), re.findall(r'\d+', 'x12y3'), json.dumps({'b': [1, None, True], 'a': 'é'}, sort_keys=True))
w = io.StringIO(); csv.writer(w).writerows([['a', 'b,c'], [1, 'q"']]); print(w.getvalue().strip().splitlines())
print(collections.Counter('mississippi').most_common(2), list(itertools.combinations('abc', 2)), functools.reduce(lambda a, b: a * b, range(1, 6)))
print(datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc).isoformat(), decimal.Decimal('0.1') + decimal.Decimal('0.2'), fractions.Fraction(1, 3) + 1, math.comb(10, 3), round(math.pi, 4))
random.seed(42); print([random.randint(1, 100) for _ in range(5)])
print(hashlib.blake2b(b'x', digest_size=8).hexdigest(), base64.b85encode(b'portico'), struct.pack('>IhB', 1, -2, 255).hex(), zlib.crc32(b'abc'), zlib.decompress(zlib.compress(b'z' * 100))[:3])
print('\n'.join(difflib.unified_diff(['a', 'b'], ['a', 'c'], lineterm='')), unicodedata.name('é'), textwrap.fill('some words to wrap here', 10).count('\n'), f'{1234567.891:,.2f} {255:#x} {"x":>5}|', 'ß'.upper(), sorted({3, 1, 2}), [*map(str.title, ['ab'])], string.Template('$x').substitute(x=1))
P
