ruby -e 'puts [3,1,2].sort.map{|x|x*x}.select(&:odd?).inspect, (1..10).each_slice(3).to_a.inspect, "hello world".scan(/o/).size, {b:2,a:1}.sort.to_h, "%05.1f|%-4s|%x" % [3.14159,"a",255], "abc".succ, :sym.to_proc.call("x") rescue puts $!.class'
ruby -e 'r,w=IO.pipe; if fork then w.close; puts r.read; Process.wait; puts $?.exitstatus else r.close; w.puts "from child"; exit! 3 end'
ruby -e 'q=Queue.new; t=3.times.map{|i|Thread.new{q<<i*i}}; t.each(&:join); p 3.times.map{q.pop}.sort; m=Mutex.new; n=0; 4.times.map{Thread.new{100.times{m.synchronize{n+=1}}}}.each(&:join); p n; p `printf a`.chomp, $?.success?; begin; Integer("x"); rescue ArgumentError=>e; puts e.message; ensure puts "ensured"; end'
ruby -rjson -rset -rdigest -rfileutils -e 'puts JSON.generate({a:[1,nil]}), Set[1,2].include?(2), Digest::SHA256.hexdigest("abc")[0,8]; File.write("f","l1\nl2\n"); puts File.readlines("f").size, File.stat("f").size; FileUtils.mkdir_p("d/e"); puts Dir.glob("**/*").sort.inspect; FileUtils.rm_rf(%w[f d])'
ruby -e 'trap("USR1"){puts "usr1"}; Process.kill("USR1",$$); sleep 0.1; f=Fiber.new{Fiber.yield 1; 2}; p f.resume, f.resume; e=Enumerator.new{|y|y<<1<<2}; p e.next,e.next; puts "%s" % Struct.new(:a,:b).new(1,2).to_a.inspect; Comparable; puts <<~T
  heredoc #{1+1}
T
exit 5'; echo $?
