cat > t.tcl <<'T'
proc fib n {expr {$n<2 ? $n : [fib [expr {$n-1}]]+[fib [expr {$n-2}]]}}; puts [fib 15]
puts [lsort -integer {10 9 2}]; puts [string toupper abc],[string range hello 1 3]; array set a {x 1 y 2}; puts [lsort [array names a]]; set d [dict create k v]; puts [dict get $d k]
regexp {(\w+)@(\w+)} me@host all u h; puts "$u $h [regsub -all o foo 0]"; foreach {p q} {1 2 3 4} {puts -nonewline "$p-$q "}; puts ""; set f [open f w]; puts $f "line"; close $f; set f [open f]; puts [read -nonewline $f]; close $f; file delete f
puts [exec echo hi | tr a-z A-Z]; puts [catch {exec sh -c "exit 3"} m o],[lindex [dict get $o -errorcode] 2]; after 50 {set done 1}; vwait done; puts done; puts [format %05.2f|%x 3.14159 255] ; namespace eval n {variable v 5; proc g {} {variable v; return $v}}; puts [n::g]; coroutine c apply {{} {yield; yield 1; return 2}}; puts [c][c]; try {error oops} on error m {puts "caught $m"}; puts [clock format 0 -gmt 1 -format %Y-%m-%d]; puts [glob -nocomplain *.tcl]; exit 4
T
tclsh t.tcl; echo $?; rm t.tcl
