export TERM=screen
tmux -L case -f /dev/null new-session -d -x 80 -y 24 'sh -c "echo left pane; cat > left.txt"'
tmux -L case split-window -h 'sh -c "echo right pane; stty size; cat > right.txt"'
sleep 1
tmux -L case list-panes -F '#{pane_index} #{pane_width}x#{pane_height}'
tmux -L case send-keys -t 0 'to the left' Enter C-d
tmux -L case send-keys -t 1 'to the right' Enter
sleep 1
tmux -L case capture-pane -p -t '{right}' | sed '/^$/d'
tmux -L case kill-server
sleep 0.3
cat left.txt
