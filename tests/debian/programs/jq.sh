echo '{"a":[1,2,{"b":"x"}],"c":null}' > j
jq . j; jq -c '.a[2].b, (.a[:2]|add), keys' j; jq -r '.a|map(type)|@csv' j; echo '[3,1,2]' | jq -c 'sort,group_by(.%2),(map(.*2)|max)'; jq -n '[range(5)]|length'; jq -n 'now|type'; echo '{' | jq . ; echo $?; jq -rn '"2015-03-05T23:51:47Z"|fromdate'; jq -n --arg v w '{$v}'; jq -e .c j; echo $?
