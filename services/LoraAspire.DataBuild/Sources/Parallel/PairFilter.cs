using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Parallel;

/// <summary>Which pairs are no translations by their looks.</summary>
internal sealed class PairFilter
{
    /// <summary>
    /// A Han character says about as much as this many letters: the median over 62,880 Chinese-English sentences; 90 of 100 lie between 2.4
    /// and 5.1.
    /// </summary>
    internal const double LettersOfHan = 3.5;

    private readonly ParallelSource _with;
    private readonly Script? _source, _target;

    /// <exception cref="StageException">Scripts are to be checked, but the language isn't known.</exception>
    public PairFilter(ParallelSource with)
    {
        _with = with;
        if (with.CheckScripts)
        {
            (_source, _target) = (ScriptOf(with.SrcLang), ScriptOf(with.TgtLang));
        }
    }

    /// <summary>Why the pair is left out, or null.</summary>
    public string? Reason(SentencePair pair) =>
        _with.MaxLengthRatio is { } most && Ratio(pair) > most ? "length ratio"
        : IsWrong(pair.Source, _source, _target) ? $"not in the script of {_with.SrcLang}"
        : IsWrong(pair.Target, _target, _source) ? $"not in the script of {_with.TgtLang}"
        : null;

    /// <summary>How many times as long as the shorter side the longer one is, at least 1.</summary>
    internal static double Ratio(SentencePair pair)
    {
        var (source, target) = (Length(pair.Source), Length(pair.Target));
        return Math.Max(source, target) / Math.Max(1, Math.Min(source, target));
    }

    /// <summary>In Latin letters: characters, Han and kana weighted by <see cref="LettersOfHan"/>.</summary>
    private static double Length(string text)
    {
        var wide = Script.Japanese.Count(text);
        return text.EnumerateRunes().Count() - wide + (wide * LettersOfHan);
    }

    /// <summary>
    /// A side must have a letter of its own script, and a side in an alphabet more of those than of the other side's script. Chinese
    /// sentences may be full of Latin names.
    /// </summary>
    private static bool IsWrong(string text, Script? own, Script? other)
    {
        if (own is not { } script)
        {
            return false;
        }
        var count = script.Count(text);
        return count == 0
            || other is Script.Han or Script.Japanese && script is not (Script.Han or Script.Japanese) && other.Value.Count(text) > count;
    }

    private static Script ScriptOf(string language) => Language.Find(language)?.Script
        ?? throw new StageException($"check_scripts: the script of '{language}' isn't known here. Give the language's English name or "
            + "its code, or leave check_scripts out.");
}
