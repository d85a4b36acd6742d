using LoraAspire.DataBuild.Records;

namespace LoraAspire.Grammar;

/// <summary>Ways to ask for the same thing. "{0}" is filled in; what stands after "|" goes into the record's input.</summary>
internal static class Forms
{
    public static InstructionRecord Ask(this Draw draw, string[] forms, string output, params object[] values)
    {
        var parts = string.Format(System.Globalization.CultureInfo.InvariantCulture, draw.Pick(forms), values).Split('|');
        return new(parts[0], parts.Length > 1 ? parts[1] : "", output);
    }

    public static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    /// <summary>"a, b and c".</summary>
    public static string And(IReadOnlyList<string> items) =>
        items.Count == 1 ? items[0] : string.Join(", ", items.Take(items.Count - 1)) + " and " + items[^1];
}
