using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Parallel;

/// <summary>A pair of a corpus. <paramref name="Dropped"/> says why it can't be used: one side isn't there.</summary>
internal readonly record struct FoundPair(SentencePair Pair, Place Place, string? Dropped = null);

/// <summary>The pairs of a corpus in any of its forms, as a stream.</summary>
internal static class PairFile
{
    public const string Untranslated = "not translated";

    public static IEnumerable<FoundPair> Read(ParallelSource with, Func<string, DataFile> find)
    {
        var file = find(with.Path);
        return with.TargetPath is { } target ? Aligned(file, find(target)) : TableRows.Form(file) switch
        {
            ".tmx" => Tmx.Read(file, with),
            ".po" => GettextPo.Read(file),
            ".mo" => GettextMo.Read(file),
            _ => TabSeparated(file, with),
        };
    }

    private static IEnumerable<FoundPair> TabSeparated(DataFile file, ParallelSource with)
    {
        var row = 0L;
        foreach (var (line, text) in file.Lines())
        {
            var fields = text.Split('\t');
            if (fields.Length != 2)
            {
                throw new StageException($"{file.Name}:{line}: has {fields.Length} field{(fields.Length == 1 ? "" : "s")}, but a pair is "
                    + $"two texts with one tab between: {with.SrcLang} TAB {with.TgtLang}. Mend or remove the line.");
            }
            yield return Found(fields[0], fields[1], new(file.Name, row++, line));
        }
    }

    private static IEnumerable<FoundPair> Aligned(DataFile source, DataFile target)
    {
        using var left = source.Lines(withBlank: true).GetEnumerator();
        using var right = target.Lines(withBlank: true).GetEnumerator();
        for (var row = 0L; ; row++)
        {
            var (more, moreToo) = (left.MoveNext(), right.MoveNext());
            if (more != moreToo)
            {
                var (longer, rest) = more ? (source, left) : (target, right);
                var lines = row + 1;
                while (rest.MoveNext())
                {
                    lines++;
                }
                throw new StageException($"{source.Name} and {target.Name} aren't aligned: {longer.Name} has {lines} lines, the "
                    + $"other {row}. Line n of one is the translation of line n of the other.");
            }
            if (!more)
            {
                yield break;
            }
            yield return Found(left.Current.Text, right.Current.Text, new(source.Name, row, left.Current.Number));
        }
    }

    private static FoundPair Found(string source, string target, Place place)
    {
        SentencePair pair = new(source.Trim(), target.Trim());
        return new(pair, place, pair.Source.Length == 0 || pair.Target.Length == 0 ? Untranslated : null);
    }
}
