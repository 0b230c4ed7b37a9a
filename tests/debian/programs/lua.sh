cat > t.lua <<'L'
local t = {} for i = 1, 10 do t[#t+1] = i * i end print(table.concat(t, ","))
print(string.format("%5.2f %q %x", 3.14159, "a\nb", 255), ("x"):rep(3), #"abc")
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(co(), co(), co())
print(pcall(error, {code = 1})) local f = io.open("out", "w") f:write("line\n") f:close() for l in io.lines("out") do print(l) end
local p = io.popen("echo from popen") print(p:read("a")) p:close() print(os.getenv("LANG"), os.time{year=1970,month=1,day=2,hour=0}) os.remove("out")
print(math.type(1), math.maxinteger, 7 // 2, 2^10, utf8.char(228)) os.exit(4)
L
lua5.4 t.lua | sed 's/table: 0x.*/table/'; echo ${PIPESTATUS[0]}
