# Completes `lora` in bash:  source <(lora completion bash)
_lora() {
    local program="${COMP_WORDS[0]/#\~/$HOME}" word="${COMP_WORDS[COMP_CWORD]}" line suggestion
    line="${COMP_LINE:0:COMP_POINT}"
    line="lora${line#"${COMP_WORDS[0]}"}"
    COMPREPLY=()
    # Suggestions hold the word anywhere; bash completes beginnings.
    while IFS= read -r suggestion; do
        [[ $suggestion == "$word"* ]] && COMPREPLY+=("$suggestion")
    done < <("$program" "[suggest:${#line}]" "$line" 2>/dev/null)
}
complete -o default -F _lora lora
