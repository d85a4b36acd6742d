using LoraAspire.ChatClients;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Written;

/// <summary>What a chat model wrote for the sources, by their place in the list. Asked for before the first record is read.</summary>
internal sealed class WrittenItems
{
    internal static readonly ChatUse Use = new("writer", StageKinds.DataBuild.Name);

    private readonly Dictionary<int, List<object>> _items = [];

    /// <summary>For the lineage: which list the model wrote → "sha256:…".</summary>
    public SortedDictionary<string, string> Digests { get; } = new(StringComparer.Ordinal);

    /// <summary>Templates as texts, or records, as the source asks for.</summary>
    public IReadOnlyList<object> Of(int source) => _items.GetValueOrDefault(source) ?? [];

    /// <exception cref="StageException">The model can't be asked, or wrote too little.</exception>
    public static async Task<WrittenItems> AskAsync(StageContext<DataBuildParams> context, ChatModels models,
        CancellationToken cancellationToken)
    {
        WrittenItems written = new();
        SourceContext inputs = new(name => DataFile.Find(context.Data, name), Seed: 0, Written: []);
        var assignments = context.With.Sources.Select(source => source.Only!)
            .SelectMany((source, i) => SourceReader.For(source).Asked(source, inputs).Select(asked => (i, asked))).ToList();
        if (context.With.Writer is not { } with || assignments.Count == 0)
        {
            return written;
        }
        using ChatSession session = new(with, Use, Writer.Temperature, models, Path.Combine(context.CacheDir, "written"), context.Say);
        Writer writer = new(session);
        foreach (var (source, assignment) in assignments)
        {
            var items = await assignment.WriteAsync(writer, cancellationToken);
            written.Digests[$"{assignment.Name}, written by {with.Model}"] = "sha256:" + ItemCache.DigestOf(items);
            written._items[source] = [.. written.Of(source), .. items];
        }
        return written;
    }
}
