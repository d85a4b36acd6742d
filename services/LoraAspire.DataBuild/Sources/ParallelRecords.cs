using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources.Parallel;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.DataBuild.Sources;

/// <summary>Sentence pairs → translation instructions by a list of templates.</summary>
/// <param name="written">Templates that a chat model wrote, beside the list.</param>
internal sealed class ParallelRecords(ParallelSource with, Func<string, DataFile> find, int seed, IReadOnlyList<Template> written)
    : ISourceReader<ParallelSource>
{
    public const string Input = "input";
    public static readonly string[] Known = ["src_lang", "tgt_lang", Input];

    private const string Place = $"[{Input}]";

    private static readonly string[] BuiltIn =
    [
        "Translate this sentence from [src_lang] to [tgt_lang]: [input]",
        "Translate the following [src_lang] text into [tgt_lang]. [input]", "Please translate into [tgt_lang]: [input]",
        "What is the [tgt_lang] translation of this sentence? [input]", "How would you say this in [tgt_lang]? [input]",
        "Provide the [tgt_lang] translation for this sentence: [input]",
        "Give the [tgt_lang] version of the [src_lang] sentence \"[input]\".",
        "The sentence \"[input]\" is [src_lang]. Write it in [tgt_lang].", "In [tgt_lang], what does \"[input]\" mean?",
        "I have a [src_lang] sentence and need it in [tgt_lang]: [input]",
    ];

    public static IEnumerable<SourceRecord> Read(ParallelSource source, SourceContext context) =>
        new ParallelRecords(source, context.Find, context.Seed, context.WrittenTemplates).Read();

    public static IEnumerable<Assignment> Asked(ParallelSource source, SourceContext context) => source.Written == 0 ? [] :
    [
        new TemplateAssignment($"parallel {source.Path}, templates",
            "translating a sentence from one language into another; [src_lang] and [tgt_lang] are the languages, [input] is the sentence",
            [.. Forms(source, context.Find).All.Select(template => template.Text)], Optional: ["src_lang"], source.Written),
    ];

    /// <exception cref="Runtime.Stages.StageException">A template's placeholders are wrong; file and line.</exception>
    private static TemplateList Forms(ParallelSource with, Func<string, DataFile> find) => TemplateList.Checked(
        with.Templates.Count == 0 ? BuiltIn.Select(text => new Template(text, "built-in template"))
            : TemplateList.Given(with.Templates, ParallelSource.IsFile, find), Known, Input);

    public IEnumerable<SourceRecord> Read()
    {
        PairFilter filter = new(with);
        using var forms = new TemplateList([.. Forms(with, find).All, .. written]).Draw(seed).GetEnumerator();
        foreach (var (pair, place, untranslated) in PairFile.Read(with, find))
        {
            var dropped = untranslated ?? filter.Reason(pair);
            yield return Record(forms, pair, with.SrcLang, with.TgtLang, place, dropped);
            if (with.BothDirections)
            {
                yield return Record(forms, new(pair.Target, pair.Source), with.TgtLang, with.SrcLang, place, dropped);
            }
        }
    }

    private static SourceRecord Record(IEnumerator<Template> forms, SentencePair pair, string from, string to, Place place, string? dropped)
    {
        if (dropped is null)
        {
            forms.MoveNext();
        }
        return new(dropped is null ? Make(forms.Current, from, to, pair.Source, pair.Target) : new("", "", ""), place.File, place.Row,
            place.Line)
        { Pair = pair, Dropped = dropped };
    }

    /// <summary>
    /// A template that ends with [input] leaves the sentence to the record's input; another takes it into the instruction.
    /// </summary>
    internal static InstructionRecord Make(Template template, string from, string to, string sentence, string translation)
    {
        string Value(string name, string text) => name switch { "src_lang" => from, "tgt_lang" => to, _ => text };
        return template.Text.EndsWith(Place, StringComparison.Ordinal)
            ? new(template.Fill(name => Value(name, "")).TrimEnd(), sentence, translation)
            : new(template.Fill(name => Value(name, sentence)), "", translation);
    }
}
