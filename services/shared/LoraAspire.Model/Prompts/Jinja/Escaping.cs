namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>The filter escape, for HTML: what has been through it isn't escaped again.</summary>
internal static class Escaping
{
    public static Text Escape(Text text, Work work)
    {
        if (text.Markup)
        {
            return text;
        }
        work.Letters(text.Value.Length * 5L);
        TextBuilder escaped = new();
        foreach (var (start, length, origin) in text.CodePoints())
        {
            var entity = text.Value[start] switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&#34;",
                '\'' => "&#39;",
                _ =>
                null
            };
            escaped.Append(entity ?? text.Value.AsSpan(start, length), origin);
        }
        return escaped.ToText(markup: true);
    }
}
