namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>A number, or a word of JSON, JavaScript or Python, in almost-JSON.</summary>
internal static class LooseWord
{
    private const string Ends = ",，、;；}｝]";

    /// <summary>The word as JSON and where it ends; null when what stands there is none. What looks like a number and is none, such as 01, becomes a text.</summary>
    public static (string Json, int End)? At(string text, int at)
    {
        var stop = at;
        while (stop < text.Length && stop - at < 40 && (char.IsAsciiLetterOrDigit(text[stop]) || text[stop] is '.' or '+' or '-'))
        {
            stop++;
        }
        var word = text[at..stop];
        var json = word switch
        {
            "null" or "None" or "NaN" or "nan" or "undefined" or "nil" => "null",
            "true" or "True" => "true",
            "false" or "False" => "false",
            [(>= '0' and <= '9') or '-', ..] => Json.TryParse(word) is null ? $"\"{word}\"" : word,
            _ => null,
        };
        var after = Blanks.SkipWithComments(text, stop);
        return json is not null && (after >= text.Length || Ends.Contains(text[after]) || text.AsSpan(stop, after - stop).Contains('\n')) ? (json, stop) : null;
    }
}
