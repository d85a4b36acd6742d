using System.Globalization;
using LoraAspire.DataBuild.Sources;

namespace LoraAspire.DataBuild.Output;

/// <summary>What the template kept from being learned, counted by its words, each with the first record it was met in.</summary>
internal sealed class NotLearnedTurns
{
    /// <summary>A template may quote what it was given: it is cut, and beyond so many words counted together.</summary>
    private const int MostWords = 20, Longest = 200;
    private const string Others = "for other reasons";

    private readonly SortedDictionary<string, (long Count, string Where)> _words = new(StringComparer.Ordinal);

    public IEnumerable<string> Notes => _words.Select(told => string.Create(CultureInfo.InvariantCulture,
        $"Not learned, {told.Value.Count:N0} times: {told.Key} (first in {told.Value.Where})."));

    public void Count(string words, SourceRecord record)
    {
        words = words.Length <= Longest ? words : $"{words.AsSpan(0, Longest)} …";
        var key = _words.Count < MostWords || _words.ContainsKey(words) ? words : Others;
        var (count, where) = _words.GetValueOrDefault(key, (0, record.Where));
        _words[key] = (count + 1, where);
    }
}
