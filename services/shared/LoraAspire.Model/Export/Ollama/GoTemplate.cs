namespace LoraAspire.Model.Export.Ollama;

/// <summary>A <see cref="TurnForm"/> in the language of Go's text/template, with the fields that Ollama gives it.</summary>
public static class GoTemplate
{
    public static string Of(TurnForm form) =>
        "{{ $first := true }}{{ $system := .System }}{{ range .Messages }}{{ if eq .Role \"user\" }}"
        + $"{{{{ if not $first }}}}{Text(form.ToQuestion)}"
        + (form.System is var (before, after) ? $"{{{{ else if $system }}}}{Text(before)}{{{{ $system }}}}{Text(after)}" : "")
        + $"{{{{ else }}}}{Text(form.Start)}{{{{ end }}}}{{{{ $first = false }}}}{{{{ .Content }}}}{Text(form.ToAnswer)}"
        + "{{ else if eq .Role \"assistant\" }}{{ .Content }}{{ end }}{{ end }}";

    /// <summary>A text that stands for itself.</summary>
    private static string Text(string text) => text.Replace("{{", "{{ \"{{\" }}", StringComparison.Ordinal);
}
