using LoraAspire.DataBuild.Records;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>Sentence pairs (source TAB target) → translation instructions by a list of templates, drawn by the seed.</summary>
internal sealed class ParallelRecords(ParallelSource with, DataFile file, DataFile? templates, int seed)
{
    private static readonly string[] BuiltIn =
    [
        "Translate this sentence from [src_lang] to [tgt_lang]: [input]", "Translate the following [src_lang] text into [tgt_lang]. [input]", "Please translate into [tgt_lang]: [input]",
        "What is the [tgt_lang] translation of this sentence? [input]", "How would you say this in [tgt_lang]? [input]", "Provide the [tgt_lang] translation for this sentence: [input]",
        "Give the [tgt_lang] version of the [src_lang] sentence \"[input]\".", "The sentence \"[input]\" is [src_lang]. Write it in [tgt_lang].", "In [tgt_lang], what does \"[input]\" mean?",
        "I have a [src_lang] sentence and need it in [tgt_lang]: [input]",
    ];

    private const string Place = "[input]";

    public IEnumerable<SourceRecord> Read()
    {
        var forms = templates is null ? BuiltIn : Forms(templates);
        Draw draw = new(seed);
        var row = 0L;
        foreach (var (line, text) in file.Lines())
        {
            var fields = text.Split('\t');
            if (fields.Length != 2 || fields.Any(string.IsNullOrWhiteSpace))
            {
                throw new StageException($"{file.Name}:{line}: has {fields.Length} field(s), but a pair is two texts with one tab between: {with.SrcLang} TAB {with.TgtLang}. Mend or remove the line.");
            }
            yield return new(Make(draw.Pick(forms), with.SrcLang, with.TgtLang, fields[0].Trim(), fields[1].Trim()), file.Name, row, line);
            if (with.BothDirections)
            {
                yield return new(Make(draw.Pick(forms), with.TgtLang, with.SrcLang, fields[1].Trim(), fields[0].Trim()), file.Name, row, line);
            }
            row++;
        }
    }

    /// <summary>A template that ends with [input] leaves the sentence to the record's input; another takes it into the instruction.</summary>
    internal static InstructionRecord Make(string template, string from, string to, string sentence, string translation)
    {
        var form = template.Replace("[src_lang]", from).Replace("[tgt_lang]", to);
        return form.EndsWith(Place, StringComparison.Ordinal)
            ? new(form[..^Place.Length].TrimEnd(), sentence, translation)
            : new(form.Replace(Place, sentence), "", translation);
    }

    private static string[] Forms(DataFile list)
    {
        var forms = list.Lines().Select(line => (line.Number, Text: line.Text.Trim())).Where(line => !line.Text.StartsWith('#')).ToList();
        foreach (var (number, text) in forms)
        {
            if (text.Split(Place).Length != 2)
            {
                throw new StageException($"{list.Name}:{number}: a template holds {Place} exactly once, for the sentence; [src_lang] and [tgt_lang] may stand in it too.");
            }
        }
        return forms.Count > 0 ? [.. forms.Select(form => form.Text)] : throw new StageException($"{list.Name}: holds no template. Write one a line, such as: Translate from [src_lang] to [tgt_lang]: [input]");
    }
}
