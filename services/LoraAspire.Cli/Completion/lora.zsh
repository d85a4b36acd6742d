#compdef lora
# Completes `lora` in zsh:  source <(lora completion zsh)
_lora() {
    local line="lora ${(j: :)words[2,CURRENT]}"
    local -a suggestions
    suggestions=("${(@f)$("${words[1]/#\~/$HOME}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
    compadd -a suggestions || _files
}
compdef _lora lora
