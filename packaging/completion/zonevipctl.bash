# Completion of zonevipctl in bash, made by the program itself from its table of commands.
eval "$(zonevipctl completion bash 2>/dev/null)"
