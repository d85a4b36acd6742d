using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>Questions, and for each subject the examples that stand before each of them.</summary>
internal sealed class ChoiceQuestions(IReadOnlyList<ChoiceRow> rows, IReadOnlyList<ChoiceRow> examples, int shots)
{
    private readonly ILookup<string, ChoiceRow> _examples = examples.ToLookup(row => row.Subject ?? "");

    public IReadOnlyList<ChoiceRow> Rows { get; } = rows;

    /// <summary>Those of the parameters, each with all its examples.</summary>
    /// <exception cref="StageException">A file can't be read as what it is to be, or a subject has fewer examples than shots.</exception>
    public static ChoiceQuestions Read(DataRoot data, EvaluatorParams with)
    {
        ChoiceQuestions read = new(ChoiceFiles.Read(data, with.MultipleChoice), with.Shots > 0 ? ChoiceFiles.Read(data, with.Dev) : [],
            with.Shots);
        read.Require();
        return read;
    }

    /// <summary>The first examples of its subject, as many as are asked for.</summary>
    /// <exception cref="StageException">There are fewer.</exception>
    public string Prompt(ChoiceRow row)
    {
        var before = _examples[row.Subject ?? ""].Take(shots).ToList();
        return before.Count == shots ? row.Prompt(before) : throw new StageException(
            $"shots is {shots}, and of the subject '{row.Subject}' dev has {before.Count} examples. Add its file to dev, or lower shots.");
    }

    /// <summary>Says what is missing before a model is loaded.</summary>
    /// <inheritdoc cref="Prompt"/>
    public void Require()
    {
        foreach (var row in Rows.DistinctBy(row => row.Subject))
        {
            Prompt(row);
        }
    }
}
