using System.Diagnostics;
using LoraAspire.ChatClients;
using LoraAspire.DataBuild.Output;
using LoraAspire.DataBuild.Sources;
using LoraAspire.DataBuild.Written;
using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild;

/// <summary>
/// Sources → a tokenised data set: dataset.arrow, dataset.json, report.md with lengths.svg, preview.md, prompt_template.json, tokenizer/.
/// The same inputs give the same bytes.
/// </summary>
/// <param name="models">How to reach a chat model that writes; by default without service discovery.</param>
public sealed class DataBuildStage(ChatModels? models = null) : IStage<DataBuildParams>
{
    private const int LongestMessage = 4000;

    public async Task RunAsync(StageContext<DataBuildParams> context, CancellationToken cancellationToken)
    {
        try
        {
            // What is wrong with the inputs shows before a chat model is asked, which costs time or money.
            var (tokenizer, choice) = Load(context);
            Build(context, tokenizer, choice, await WrittenItems.AskAsync(context, models ?? new(), cancellationToken),
                cancellationToken);
        }
        catch (ModelException e)
        {
            throw new StageException(Cut(e.Message), inner: e);
        }
        catch (StageException e) when (e.Message.Length > LongestMessage)
        {
            throw new StageException(Cut(e.Message), e.Transient, e);
        }
        // What is thrown while rows are made over all cores arrives wrapped.
        catch (AggregateException e) when (e.Flatten().InnerExceptions
            .FirstOrDefault(inner => inner is StageException or ModelException or IOException or UnauthorizedAccessException) is { } wrong)
        {
            throw new StageException(Cut(wrong.Message), inner: e);
        }
    }

    public IEnumerable<Finding> Check(StageCheck<DataBuildParams> given) => DataBuildCheck.Of(given);

    public long? Records(StageCheck<DataBuildParams> given) => DataBuildCheck.Records(given);

    /// <summary>
    /// A message quotes what stands in a file, such as the names of its columns, of which there may be thousands. Its end says what to do.
    /// </summary>
    private static string Cut(string message) =>
        message.Length <= LongestMessage ? message
            : $"{message.AsSpan(0, LongestMessage * 3 / 4)} … {message.AsSpan(message.Length - (LongestMessage / 4))}";

    private static (HfTokenizer Tokenizer, PromptChoice Choice) Load(StageContext<DataBuildParams> context)
    {
        var with = context.With;
        foreach (var name in with.DataFiles())
        {
            DataFile.Find(context.Data, name);
        }
        return (HfTokenizer.Load(context.Inputs["base"]), PromptChoice.Of(with, context.Inputs["base"], context.Data));
    }

    private static void Build(StageContext<DataBuildParams> context, HfTokenizer tokenizer, PromptChoice choice, WrittenItems written,
        CancellationToken cancellationToken)
    {
        var with = context.With with { PromptTemplateName = choice.Name };
        var folder = context.Inputs["base"];
        Preview preview = new(with.Seed);
        var output = context.OutputDir("dataset");

        var summary =
            WriteRows(context, written, new RowBuilder(with, tokenizer, choice.Format), choice, preview, output, cancellationToken);
        choice.Format.SaveTo(output);
        // With its tokenizer the folder can be read by itself: what a token is, and which of them carry loss.
        TokenizerFiles.Copy(folder, Path.Combine(output, InstructionDataset.TokenizerFolder));
        using (var rows = InstructionDataset.Open(output))
        {
            preview.Save(Path.Combine(output, Preview.FileName), rows, tokenizer);
        }
        var lineage =
            DatasetLineage.Of(folder, choice.Format, with.DataFiles().Select(name => DataFile.Find(context.Data, name)), written.Digests);
        summary.Facts(with, lineage).Write(output);
        DatasetReport.Save(output, summary, with, choice.Format is ChatFormat, lineage);
    }

    private static DatasetSummary WriteRows(StageContext<DataBuildParams> context, WrittenItems written, RowBuilder builder,
        PromptChoice choice, Preview preview, string output, CancellationToken cancellationToken)
    {
        DatasetSummary summary = new();
        using InstructionDatasetWriter writer = new(output);
        RecordStream records = new(context.With, context.Data, written, context.Report, cancellationToken,
            wholeMessages: choice.Format is ChatFormat);
        // Reading is one stream; tokenising goes over all cores, and rows come back in order.
        var rows = records.Read().AsParallel().AsOrdered().WithCancellation(cancellationToken).Select(builder.Build);
        var clock = Stopwatch.StartNew();
        foreach (var built in rows)
        {
            if (built.Refused is { } words)
            {
                throw new StageException(words);
            }
            summary.Count(built);
            if (built is { Row: { } row, Dropped: null })
            {
                writer.Add(row.InputIds, row.Labels, built.Record.Source, built.Record.Row, built.Record.Line);
                preview.Offer(built.Record);
            }
            if (summary.Total.Records % 500 == 0)
            {
                var share = records.ReadShare;
                context.Report.Report(new("rows", summary.Total.Records, TokensPerSecond: summary.Total.Tokens / clock.Elapsed.TotalSeconds,
                    EtaSeconds: share > 0 ? clock.Elapsed.TotalSeconds * (1 - share) / share : null));
            }
        }
        RefuseUseless(summary, context.With);
        writer.Complete();
        summary.Notes.AddRange(records.Notes.Concat(summary.NotLearned.Notes).Prepend(choice.Note).OfType<string>());
        summary.Conclude(context.With);
        foreach (var note in summary.Notes)
        {
            context.Say(note);
        }
        context.Report.Report(new("rows", summary.Total.Records, summary.Total.Records,
            TokensPerSecond: summary.Total.Tokens / clock.Elapsed.TotalSeconds, Message: summary.Line(context.With.CutoffLen)));
        return summary;
    }

    private static void RefuseUseless(DatasetSummary summary, DataBuildParams with)
    {
        if (summary.Total.Records == 0)
        {
            throw new StageException("The sources hold no record at all. Look at the files that they name.");
        }
        if (summary.Total.Written == 0)
        {
            throw new StageException(summary.Total.Dropped.ContainsKey(RowBuilder.TooLong)
                ? $"cutoff_len {with.CutoffLen} is too short for every record: the shortest prompt alone has {summary.ShortestPrompt} "
                    + "tokens. Raise cutoff_len well above that, or choose a shorter prompt template."
                : $"All {summary.Total.Records} records were dropped: {string.Join(", ", summary.Total.Dropped.Keys)}."
                    + string.Concat(summary.NotLearned.Notes.Select(note => " " + note)));
        }
        if (summary.Alike.All is { } same)
        {
            throw new StageException($"All {summary.Total.Written} rows are alike, as the one from {same.Where}: there is one thing to be "
                + "learned, again and again. Look at the sources' columns and templates. If one row is meant, dedup: { exact: true } keeps "
                + "one.");
        }
    }
}
