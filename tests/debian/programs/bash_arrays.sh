declare -a list=(one "two words" three)
declare -A map=([a]=1 [b]=2)
list+=(four)
echo "${#list[@]} ${list[@]:1:2} ${!list[@]}"
for key in a b; do echo "$key=${map[$key]}"; done
printf '%s\n' "${list[@]^^}" "${list[1]// /_}" "${list[@]/#t/T}"
mapfile -t lines < <(seq 3)
echo "${lines[*]}"
