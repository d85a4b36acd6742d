using System.Text;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Parallel;

/// <summary>
/// A gettext catalogue as text: msgid is the source side, msgstr the target. Of plural forms the first is taken; fuzzy and obsolete entries
/// are left out.
/// </summary>
internal static class GettextPo
{
    /// <summary>Of one entry, in letters: its lines may go on without end.</summary>
    private const int LongestEntry = 4 << 20;

    private sealed class Entry
    {
        public long Line;
        public bool Fuzzy;
        public StringBuilder? Id, Str, Ignored;
    }

    public static IEnumerable<FoundPair> Read(DataFile file)
    {
        var row = 0L;
        Entry entry = new();
        StringBuilder? open = null;
        foreach (var (number, text) in file.Lines().Append((0, "")))
        {
            var line = text.Trim();
            // An entry ends where the next begins: at a comment after its msgstr, at msgid or msgctxt, or with the file.
            if (entry.Str is not null
                && (number == 0 || line.StartsWith('#') || IsId(line) || line.StartsWith("msgctxt", StringComparison.Ordinal)))
            {
                if (Pair(file, entry) is { } pair)
                {
                    yield return pair with { Place = pair.Place with { Row = row++ } };
                }
                (entry, open) = (new(), null);
            }
            if (entry is { Id: not null, Str: null } && (number == 0 || IsId(line)))
            {
                throw new StageException(
                    $"{file.Name}:{entry.Line}: this msgid has no msgstr. Was the file cut off? Mend it, or export it again.");
            }
            if (line.Length == 0 || line.StartsWith('#'))
            {
                // The mark of an obsolete entry ("#~ msgid") goes with it.
                entry.Fuzzy = !line.StartsWith("#~", StringComparison.Ordinal)
                    && (entry.Fuzzy || line.StartsWith("#,", StringComparison.Ordinal) && line.Contains("fuzzy", StringComparison.Ordinal));
                continue;
            }
            if (!line.StartsWith('"'))
            {
                var word = line.Split([' ', '\t', '[', '"'], 2)[0];
                open = word switch
                {
                    "msgctxt" or "msgid_plural" => entry.Ignored = new(),
                    "msgid" => Id(entry, number),
                    "msgstr" when entry.Id is not null => entry.Str is null ? entry.Str = new() : entry.Ignored = new(),
                    _ => throw new StageException($"{file.Name}:{number}: '{word}' is no part of a .po entry there. An entry is msgid "
                        + "\"...\" and then msgstr \"...\"."),
                };
            }
            if (open is null || !GettextText.TryAppend(line.AsSpan(Math.Max(0, line.IndexOf('"'))), open))
            {
                throw new StageException($"{file.Name}:{number}: a text in double quotes is missing, or its closing quote.");
            }
            if (open.Length > LongestEntry)
            {
                throw new StageException($"{file.Name}:{entry.Line}: the entry is longer than {LongestEntry >> 20} million letters. Is "
                    + "the file a .po catalogue? Look at it, or export it again.");
            }
        }
    }

    private static StringBuilder Id(Entry entry, long line)
    {
        entry.Line = line;
        return entry.Id = new();
    }

    private static FoundPair? Pair(DataFile file, Entry entry)
    {
        // The entry with the empty msgid is the catalogue's header.
        var source = entry.Id!.ToString().Trim();
        var target = entry.Str!.ToString().Trim();
        return source.Length == 0 ? null
            : new(new(source, target), new(file.Name, 0, entry.Line),
                target.Length == 0 ? PairFile.Untranslated : entry.Fuzzy ? "marked fuzzy" : null);
    }

    private static bool IsId(string line) =>
        line.StartsWith("msgid", StringComparison.Ordinal) && !line.StartsWith("msgid_", StringComparison.Ordinal);
}
