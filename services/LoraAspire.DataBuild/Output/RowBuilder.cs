using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Output;

/// <summary>What became of a record: a row, or a reason to leave it out, or words that stop the run.</summary>
internal sealed record BuiltRow(SourceRecord Record, TokenizedRow? Row = null, string? Dropped = null, string? Refused = null,
    RowDifference Difference = RowDifference.None)
{
    /// <summary>What the template keeps from being learned, in words.</summary>
    public IReadOnlyList<string> NotLearned { get; init; } = [];
}

/// <summary>Record → row, by the run's policies. Safe to use from several threads.</summary>
internal sealed class RowBuilder(DataBuildParams with, HfTokenizer tokenizer, PromptFormat format)
{
    public const string TooLong = "longer than cutoff_len";
    private const string Empty = "empty output";
    private const string Unfilled = "unfilled placeholder";
    private const string Unwritten = "refused by the chat template", Unlearned = "no answer that the chat template lets be learned";

    private readonly Preprocessor _preprocessor =
        new(tokenizer, format, new(with.CutoffLen, with.TrainOnInputs, with.AddEosToken, with.Compat == Compat.AlpacaLora));
    private readonly RowCheck _check = new(tokenizer, with.Compat == Compat.AlpacaLora, format is ChatFormat);
    private readonly AlpacaLoraDifference? _difference =
        with.Compat == Compat.None && format is PromptTemplate template ? new(tokenizer, template, with) : null;

    public BuiltRow Build(SourceRecord source)
    {
        var record = source.Record;
        if (source.Dropped is not null)
        {
            return new(source, Dropped: source.Dropped);
        }
        if (with.UnfilledPlaceholders != UnfilledPlaceholders.Keep && Placeholders.FirstIn(record) is { } placeholder)
        {
            return with.UnfilledPlaceholders == UnfilledPlaceholders.Skip ? new(source, Dropped: Unfilled)
                : Refuse(source,
                    $"{placeholder} was never filled in. Where it stands for a name, an alpaca source fills it by fill: "
                        + $"{{ {placeholder.Trim('{', '}', ' ')}: ... }}; else set unfilled_placeholders to skip such records, or to "
                        + "keep where it is text.");
        }
        if (record.HasEmptyAnswer && with.EmptyOutput != EmptyOutput.Keep)
        {
            return with.EmptyOutput == EmptyOutput.Skip ? new(source, Dropped: Empty)
                : Refuse(source, "the output is empty. Give it an answer, or set empty_output to skip or keep.");
        }
        if (with.Compat == Compat.AlpacaLora && (record.History.Count > 0 || record.System is not null))
        {
            return Refuse(source,
                "a conversation of several turns, or with a system message, has no form in alpaca-lora. Leave compat out, or leave out "
                    + "such records.");
        }
        Turn last = new(record.Instruction, record.Output, record.Input) { Reasoning = record.Reasoning };
        return Build(source, new(record.System, [.. record.History, last]) { Tools = record.Tools, Messages = record.Messages });
    }

    private BuiltRow Build(SourceRecord source, Conversation conversation)
    {
        TokenizedRow row;
        try
        {
            row = _preprocessor.Row(conversation);
        }
        catch (TemplateException refusal)
        {
            return new(source, Dropped: Unwritten) { NotLearned = [$"{Unwritten}: {refusal.Words}"] };
        }
        var built = row.Answers == 0 && !with.TrainOnInputs ? new(source, Dropped: Unlearned)
            : Long(source, row) ?? (_check.Problem(row) is { } problem
            ? Refuse(source, problem)
            : new(source, row, Difference: _difference?.Of(conversation, row) ?? RowDifference.None));
        return built with { NotLearned = row.NotLearned };
    }

    /// <summary>What the truncation policy says, or null where the row stays.</summary>
    private BuiltRow? Long(SourceRecord source, TokenizedRow row)
    {
        if (!row.Truncated || with is { Compat: Compat.AlpacaLora, Truncation: null })
        {
            return null;
        }
        if (row.Targets == 0 && with.Truncation is null or Truncation.Cut)
        {
            return Refuse(source,
                $"the prompt alone has {row.PromptLength} tokens and cutoff_len is {with.CutoffLen}, so all labels are masked: no token "
                    + "of the answer would be learned. "
                + "Raise cutoff_len, choose a shorter prompt template, or set truncation: drop to leave such records out.");
        }
        return with.Truncation switch
        {
            Truncation.Cut => null,
            Truncation.Error => Refuse(source,
                $"longer than cutoff_len {with.CutoffLen} (the prompt has {row.PromptLength} tokens). Raise cutoff_len, or set "
                    + "truncation to cut or drop."),
            _ => new(source, row, Dropped: TooLong),
        };
    }

    private static BuiltRow Refuse(SourceRecord source, string words) => new(source, Refused: $"{source.Where}: {words}");
}
