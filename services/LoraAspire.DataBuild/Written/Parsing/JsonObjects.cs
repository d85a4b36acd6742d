using System.Text.Json;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// The JSON objects in a model's answer, wherever they stand: in an array, one after another with or without commas, in fences, between prose. One that isn't valid is read
/// by <see cref="LooseJson"/>, and is dropped when that doesn't help.
/// </summary>
internal static class JsonObjects
{
    public const string Malformed = "malformed JSON";

    /// <summary>Letters that may be looked at in vain. Nobody's records need so many; it bounds the work that an endless row of braces makes.</summary>
    private const int Patience = 2_000_000;

    public static ReadAnswer<JsonElement> Read(string answer)
    {
        List<JsonElement> items = [];
        List<string> dropped = [];
        var patience = Patience;
        for (var start = Next(answer, 0); start >= 0;)
        {
            var end = start;
            var cutOff = false;
            if ((Json.TryRead(answer, ref end, LooseJson.Longest) ?? LooseJson.Read(answer, ref end, out cutOff)) is { ValueKind: JsonValueKind.Object } found)
            {
                items.Add(found);
                start = Next(answer, end);
                continue;
            }
            patience -= Math.Min(LooseJson.Longest, answer.Length - start);
            if (patience < 0)
            {
                dropped.Add(Malformed);
                break;
            }
            // An object that never closes, or one text that never does, must not swallow those after it.
            var inner = Next(answer, start + 1);
            if (cutOff || inner < 0 || !Within(answer, start, inner))
            {
                dropped.Add(cutOff ? ReadAnswer<JsonElement>.CutOff : Malformed);
            }
            start = inner;
        }
        return new(items, dropped);
    }

    /// <summary>Whether the object at <paramref name="start"/> is still open at <paramref name="inner"/>: it is a wrapper then, of which nothing is lost.</summary>
    private static bool Within(string text, int start, int inner) => !text.AsSpan(start, inner - start).ContainsAny('}', '｝');

    /// <summary>The next brace after which a key or another object begins; -1 when there is none.</summary>
    private static int Next(string text, int from)
    {
        for (var at = Brace(text, from); at >= 0; at = Brace(text, at + 1))
        {
            var after = Blanks.Skip(text, at + 1);
            if (after < text.Length && (LooseText.IsQuote(text[after]) || text[after] is '/' or '#' || BareKey(text, after)))
            {
                return at;
            }
        }
        return -1;
    }

    private static int Brace(string text, int from) => text.AsSpan(from).IndexOfAny('{', '｛') is var first && first < 0 ? -1 : from + first;

    private static bool BareKey(string text, int at)
    {
        var start = at;
        while (at < Math.Min(text.Length, start + 30) && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
        {
            at++;
        }
        at = at == start ? text.Length : Blanks.Skip(text, at);
        return at < text.Length && text[at] is ':' or '：';
    }
}
