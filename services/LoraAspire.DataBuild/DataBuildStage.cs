using System.Diagnostics;
using LoraAspire.DataBuild.Output;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild;

/// <summary>Sources → a tokenised data set: dataset.arrow, dataset.json, preview.md, prompt_template.json. The same inputs give the same bytes.</summary>
public sealed class DataBuildStage : IStage<DataBuildParams>
{
    private const string PromptFillsCutoff = "no token with loss within cutoff_len";
    private const string Empty = "empty output";

    public Task RunAsync(StageContext<DataBuildParams> context, CancellationToken cancellationToken)
    {
        try
        {
            Build(context, cancellationToken);
            return Task.CompletedTask;
        }
        catch (ModelException e)
        {
            throw new StageException(e.Message, inner: e);
        }
        catch (AggregateException e) when (e.Flatten().InnerExceptions.OfType<StageException>().FirstOrDefault() is { } wrong)
        {
            throw new StageException(wrong.Message, inner: e);
        }
    }

    private static void Build(StageContext<DataBuildParams> context, CancellationToken cancellationToken)
    {
        var with = context.With;
        var folder = context.Inputs["base"];
        var tokenizer = HfTokenizer.Load(folder);
        var template = PromptTemplate.Load(PromptTemplate.BuiltIn.Contains(with.PromptTemplateName) ? with.PromptTemplateName : context.Data.Resolve(with.PromptTemplateName));
        Preprocessor preprocessor = new(tokenizer, template, new(with.CutoffLen, with.TrainOnInputs, with.AddEosToken, with.Compat == Compat.AlpacaLora));
        Preview preview = new(tokenizer, template, with.Seed);
        var output = context.OutputDir("dataset");

        var summary = WriteRows(context, preprocessor, preview, output, cancellationToken);
        RefuseEmpty(summary, with);
        template.Save(Path.Combine(output, PromptTemplate.FileName));
        preview.Save(Path.Combine(output, Preview.FileName));
        summary.Save(Path.Combine(output, DatasetSummary.FileName), with, folder, with.DataFiles().Select(name => DataFile.Find(context.Data, name)));
    }

    private static DatasetSummary WriteRows(StageContext<DataBuildParams> context, Preprocessor preprocessor, Preview preview, string output, CancellationToken cancellationToken)
    {
        DatasetSummary summary = new();
        using InstructionDatasetWriter writer = new(output);
        // Reading is one stream; tokenising goes over all cores, and rows come back in order.
        var rows = new RecordStream(context.With, context.Data).Read()
            .AsParallel().AsOrdered().WithCancellation(cancellationToken)
            .Select(record => (Record: record, Row: Wanted(record, context.With) ? preprocessor.Row(record.Record.Instruction, record.Record.Input, record.Record.Output) : null));
        var clock = Stopwatch.StartNew();
        foreach (var (record, row) in rows)
        {
            Take(record, row, summary, writer, preview);
            if (summary.Total.Records % 500 == 0)
            {
                context.Report.Report(new("rows", summary.Total.Records, TokensPerSecond: summary.Total.Tokens / clock.Elapsed.TotalSeconds));
            }
        }
        writer.Complete();
        var total = summary.Total;
        context.Report.Report(new("rows", total.Records, total.Records, TokensPerSecond: total.Tokens / clock.Elapsed.TotalSeconds,
            Message: $"{total.Written} rows, {total.Tokens} tokens, {total.LossTokens} with loss; {total.Truncated} cut at cutoff_len {context.With.CutoffLen}; dropped: "
                + (total.Dropped.Count == 0 ? "none" : string.Join(", ", total.Dropped.Select(reason => $"{reason.Value} ({reason.Key})")))));
        return summary;
    }

    /// <summary>False for an empty answer that is to be left out.</summary>
    private static bool Wanted(SourceRecord record, DataBuildParams with)
    {
        if (record.Record.Output.Length > 0 || with.EmptyOutput == EmptyOutput.Keep)
        {
            return true;
        }
        return with.EmptyOutput == EmptyOutput.Skip
            ? false
            : throw new StageException($"{record.Where}: the output is empty. Give it an answer, or set empty_output to skip or keep.");
    }

    private static void Take(SourceRecord record, TokenizedRow? row, DatasetSummary summary, InstructionDatasetWriter writer, Preview preview)
    {
        if (row is null)
        {
            summary.Dropped(record, Empty);
            return;
        }
        summary.SawPrompt(row.PromptLength);
        if (row.Targets == 0)
        {
            summary.Dropped(record, PromptFillsCutoff);
            return;
        }
        writer.Add(row.InputIds, row.Labels, record.Source, record.Row);
        summary.Written(record, row);
        preview.Offer(record, row);
    }

    private static void RefuseEmpty(DatasetSummary summary, DataBuildParams with)
    {
        if (summary.Total.Records == 0)
        {
            throw new StageException("The sources hold no record at all. Look at the files that they name.");
        }
        if (summary.Total.Written == 0)
        {
            throw new StageException(summary.Total.Dropped.ContainsKey(PromptFillsCutoff)
                ? $"cutoff_len {with.CutoffLen} masks everything: the shortest prompt alone has {summary.ShortestPrompt} tokens, so no answer would be learned. Raise cutoff_len well above {summary.ShortestPrompt}, or choose a shorter prompt template."
                : $"All {summary.Total.Records} records were dropped: {string.Join(", ", summary.Total.Dropped.Keys)}.");
        }
    }
}
