namespace LoraAspire.Model.Export.Ollama;

/// <summary>A <see cref="TurnForm"/> in the language of Go's text/template, with the fields that Ollama gives it.</summary>
public static class GoTemplate
{
    public static string Of(TurnForm form) =>
        "{{ $first := true }}{{ $system := .System }}{{ range $i, $_ := .Messages }}{{ if eq .Role \"user\" }}"
        + $"{{{{ if not $first }}}}{Text(form.ToQuestion)}"
        + (form.System is var (before, after) ? $"{{{{ else if $system }}}}{Text(before)}{{{{ $system }}}}{Text(after)}" : "")
        + $"{{{{ else }}}}{Text(form.Start)}{{{{ end }}}}{{{{ $first = false }}}}{{{{ .Content }}}}{ToAnswer(form)}"
        + "{{ else if eq .Role \"assistant\" }}{{ .Content }}{{ end }}{{ end }}";

    /// <summary>Behind the last message an answer is to begin; behind a question before, one stands.</summary>
    private static string ToAnswer(TurnForm form) => form.Between == form.ToAnswer ? Text(form.ToAnswer)
        : $"{{{{ if eq (len (slice $.Messages $i)) 1 }}}}{Text(form.ToAnswer)}{{{{ else }}}}{Text(form.Between)}{{{{ end }}}}";

    /// <summary>A text that stands for itself.</summary>
    private static string Text(string text) => text.Replace("{{", "{{ \"{{\" }}", StringComparison.Ordinal);
}
