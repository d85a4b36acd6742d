using LoraAspire.Model;
using LoraAspire.Model.Export;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Exporter;

/// <summary>A model, or an adapter over its base → GGUF files with a Modelfile, or a folder for Hugging Face.</summary>
public sealed class ExportStage : IStage<ExporterParams>
{
    public Task RunAsync(StageContext<ExporterParams> context, CancellationToken cancellationToken)
    {
        try
        {
            using var export = Open(context.With, context.Inputs);
            var to = context.OutputDir("export");
            DiskSpace.Require(to, export.Bytes, "The export");
            foreach (var remark in export.Remarks)
            {
                context.Say(remark);
            }
            foreach (var file in export.Write(to, (done, total) => context.Report.Report(new("parts", done, total)), cancellationToken))
            {
                context.Say($"{file.Name}: {DiskSpace.Words(file.Bytes)}, SHA-256 {file.Sha256}");
                if (!context.With.Zip)
                {
                    context.Digests.Add(Path.Combine(to, file.Name), file.Sha256);
                }
            }
            return Task.CompletedTask;
        }
        catch (ModelException error)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    public IEnumerable<Finding> Check(StageCheck<ExporterParams> given)
    {
        var isAll = given.Inputs.ContainsKey("model") && (given.With.From is null || given.Inputs.ContainsKey("adapter"));
        try
        {
            Options(given.With).Require();
            if (isAll)
            {
                Open(given.With, given.Inputs).Dispose();
            }
            return [];
        }
        catch (Exception error) when (error is ModelException or IOException or UnauthorizedAccessException)
        {
            return [new(isAll ? "model" : "with", error.Message)];
        }
    }

    private static ModelExport Open(ExporterParams with, IReadOnlyDictionary<string, string> inputs) =>
        ModelExport.Open(inputs["model"], inputs.GetValueOrDefault("adapter"), Options(with));

    private static ExportOptions Options(ExporterParams with) => new()
    {
        Name = with.Name,
        Type = GgmlTypes.Parse(with.Type.ToString().ToLowerInvariant()),
        IsHuggingFace = with.Format == ExportFormat.HuggingFace,
        IsZip = with.Zip,
        System = with.System,
        From = with.From,
    };
}
