# Completes `lora` in fish:  lora completion fish | source
function __lora_suggestions
    set -l line (commandline -cp | string replace -r '^\s*\S+' lora)
    set -l program (commandline -opc)[1]
    $program "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
end
complete -c lora -a '(__lora_suggestions)'
