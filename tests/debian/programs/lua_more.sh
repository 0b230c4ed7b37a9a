cat > t.lua <<'L'
local t = {} for w in ("the quick brown"):gmatch("%a+") do t[#t + 1] = w end table.sort(t) print(table.concat(t, ","), #t)
print(("x=1,y=2"):gsub("(%w)=(%w)", "%2=%1"), string.format("%5.2f|%-5s|%x", 3.14159, "a", 255), ("abc"):rep(2, "-"), select("#", 1, nil, 3))
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(co(), co(), co())
print(pcall(error, { code = 5 }), select(2, pcall(error, "msg", 0)), 7 // 2, 7 % -3, 2 ^ 10, 1 << 4, 10 / 2, math.type(1), math.maxinteger)
local f = io.open("f", "w") f:write("l1\n", 2, "\nl3") f:close() for l in io.lines("f") do io.write(l, ";") end print() print(io.open("missing"))
local p = io.popen("echo piped; exit 3") print(p:read("a"), p:close()) print(os.execute("exit 4")) print(os.getenv("HOME") ~= nil, os.time({ year = 2000, month = 1, day = 1, hour = 0 }) > 0, os.date("!%F", 0)) os.rename("f", "g") os.remove("g")
local mt = setmetatable({}, { __index = function(_, k) return k .. "!" end, __call = function(_, a) return a * 2 end }) print(mt.hey, mt(21)) goto done do print("skipped") end ::done:: print(utf8.char(233), utf8.len("é"), string.pack("<i2", 258):byte(1, -1)) os.exit(6)
L
lua5.4 t.lua; echo $?; echo 'print(...)' | lua5.4 - a b; lua5.4 -e 'error("x")' 2>&1 | head -1; rm -f t.lua
