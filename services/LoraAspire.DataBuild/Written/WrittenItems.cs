using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Written;

/// <summary>What a chat model wrote for the sources, by their place in the list. Asked for before the first record is read.</summary>
internal sealed class WrittenItems
{
    private readonly Dictionary<int, IReadOnlyList<Template>> _templates = [];
    private readonly Dictionary<int, IReadOnlyList<InstructionRecord>> _records = [];

    /// <summary>For the lineage: which list the model wrote → "sha256:…".</summary>
    public SortedDictionary<string, string> Digests { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<Template> Templates(int source) => _templates.GetValueOrDefault(source) ?? [];

    public IReadOnlyList<InstructionRecord> Records(int source) => _records.GetValueOrDefault(source) ?? [];

    private async Task<IReadOnlyList<T>> AskAsync<T>(Writer writer, string model, Assignment<T> assignment, CancellationToken cancellationToken)
    {
        var items = await writer.WriteAsync(assignment, cancellationToken);
        Digests[$"{assignment.Name}, written by {model}"] = "sha256:" + ItemCache.DigestOf(items);
        return items;
    }

    /// <exception cref="StageException">The model can't be asked, or wrote too little.</exception>
    public static async Task<WrittenItems> AskAsync(StageContext<DataBuildParams> context, ChatModels models, CancellationToken cancellationToken)
    {
        WrittenItems written = new();
        var sources = context.With.Sources;
        if (context.With.Writer is not { } with || sources.All(source => (source.Parallel?.Written ?? source.Table?.Written ?? source.SelfCognition?.Written ?? 0) == 0))
        {
            return written;
        }
        void Say(string message) => context.Report.Report(new(Message: message));
        var endpoint = WriterEndpoint.Of(with);
        using var client = models.Connect(endpoint, with.Model);
        WriterRequests requests = new(client, with, endpoint.Key, models.Timing, Say);
        Writer writer = new(with, KeyPieces.Of(endpoint.Key), requests, new(Path.Combine(context.CacheDir, "written")), Say);
        for (var i = 0; i < sources.Count; i++)
        {
            switch (sources[i])
            {
                case { Parallel: { Written: > 0 } parallel }:
                    written._templates[i] = Listed(await written.AskAsync(writer, with.Model, Assignment(parallel, context.Data), cancellationToken));
                    break;
                case { Table: { Written: > 0 } table }:
                    written._templates[i] = Listed(await written.AskAsync(writer, with.Model, Assignment(table, context.Data), cancellationToken));
                    break;
                case { SelfCognition: { Written: > 0 } self }:
                    written._records[i] =
                    [
                        .. await written.AskAsync(writer, with.Model, new IdentityAssignment(self, InChinese: false, (self.Written + 1) / 2), cancellationToken),
                        .. await written.AskAsync(writer, with.Model, new IdentityAssignment(self, InChinese: true, self.Written / 2), cancellationToken),
                    ];
                    break;
            }
        }
        return written;
    }

    private static Template[] Listed(IReadOnlyList<string> texts) => [.. texts.Select((text, i) => new Template(text, $"written template {i + 1}"))];

    private static TemplateAssignment Assignment(ParallelSource source, DataRoot data) => new(
        $"parallel {source.Path}, templates", "translating a sentence from one language into another; [src_lang] and [tgt_lang] are the languages, [input] is the sentence",
        [.. ParallelRecords.Forms(source, name => DataFile.Find(data, name)).All.Select(template => template.Text)], ["src_lang"], source.Written);

    private static TemplateAssignment Assignment(TableSource source, DataRoot data) => new(
        $"table {source.Path}, templates", $"what the templates below ask for; its answer is {source.Output}",
        [.. TableRecords.Given(source, name => DataFile.Find(data, name)).Select(template => template.Text)], [], source.Written);
}
