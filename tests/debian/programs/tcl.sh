cat > t.tcl <<'T'
set l [lsort -integer {3 1 2}]; puts $l; puts [expr {2**100}]; puts [string map {a b} banana]; proc f {n} {expr {$n<2?1:$n*[f [expr {$n-1}]]}}; puts [f 20]
set f [open x w]; puts $f hi; close $f; puts [file size x]; puts [exec cat x | tr h H]; puts [dict get {a 1 b 2} b]; after 50 {set done 1}; vwait done; puts $done; puts [clock format 0 -gmt 1 -format %Y]; catch {error bad} m; puts $m
set p [open "|echo piped"]; puts [gets $p]; close $p; puts [glob *.tcl]; exit 2
T
tclsh t.tcl; echo $?
