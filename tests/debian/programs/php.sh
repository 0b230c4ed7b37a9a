cat > t.php <<'P'
<?php $a=['b'=>1,'a'=>[1,2]]; ksort($a); echo json_encode($a),"\n"; echo strrev("abc"),md5("x"),"\n"; printf("%05.1f %s\n",3.14159,implode(",",array_map(fn($x)=>$x*2,range(1,4)))); file_put_contents("f","x\n"); echo filesize("f"),file_get_contents("f"); echo shell_exec("echo sub"); try{throw new Exception("e");}catch(Exception $e){echo $e->getMessage(),"\n";} echo preg_replace('/(\d)/','<$1>',"a1"),"\n"; $h=proc_open(['cat'],[['pipe','r'],['pipe','w']],$p); fwrite($p[0],"in\n"); fclose($p[0]); echo stream_get_contents($p[1]); echo proc_close($h),"\n"; $l=fopen("f","r+"); var_dump(flock($l,LOCK_EX)); usleep(1000); echo gmdate("Y",0),"\n"; exit(6);
P
php t.php; echo $?
