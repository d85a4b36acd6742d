using System.Globalization;
using System.Text.Json.Serialization;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Requests;
using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Tools;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Weights;

namespace LoraAspire.Chat.Ollama;

public sealed record OllamaTags(IReadOnlyList<OllamaTag> Models);

/// <param name="Size">Bytes of all its files.</param>
/// <param name="Digest">Of the artifact that it is in the store; empty for a folder of the user's own.</param>
public sealed record OllamaTag(string Name, string Model, DateTimeOffset ModifiedAt, long Size, string Digest, OllamaDetails Details);

public sealed record OllamaDetails(string ParentModel, string Format, string Family, IReadOnlyList<string> Families, string ParameterSize,
    string QuantizationLevel);

public sealed record OllamaShown(string Modelfile, string Parameters, string Template, OllamaDetails Details,
    [property: JsonPropertyName("model_info")] IReadOnlyDictionary<string, object> Info, IReadOnlyList<string> Capabilities,
    DateTimeOffset ModifiedAt);

/// <summary>GET /api/tags and /api/version, POST /api/show: what there is, read from the models' files without loading them.</summary>
internal static class OllamaModels
{
    public static void MapOllamaModels(this WebApplication app)
    {
        app.MapGet("/api/version", () => OpenAiJson.Answer(new { version = typeof(OllamaModels).Assembly.GetName().Version!.ToString(3) }));
        app.MapGet("/api/tags", (ModelCatalog catalog) => OpenAiJson.Answer(new OllamaTags([.. catalog.List().Select(Tag)])));
        app.MapPost("/api/show", async (HttpContext http, ModelCatalog catalog) =>
        {
            var body = await RequestBody.ReadAsync(http.Request);
            var id = OllamaOptions.Model(body, catalog);
            body.WithoutEffect(["verbose"], "false");
            body.Refuse("system", "a model is shown as it is", "\"\"");
            http.Response.Warn(body.Warnings());
            return OpenAiJson.Answer(Shown(catalog.Find(id) ?? throw ModelsEndpoint.NotFound(id)));
        });
    }

    internal static OllamaTag Tag(ServedModel model) => new(model.Id, model.Id, model.Created,
        Read(() => Directory.EnumerateFiles(model.Source.Folder).Sum(file => new FileInfo(file).Length), 0), Digest(model),
        Details(model.Source.Folder));

    private static string Digest(ServedModel model) => Path.GetFileName(model.Source.Folder) is { Length: 64 } name
        && name.All(char.IsAsciiHexDigitLower) ? name : "";

    private static OllamaDetails Details(string folder) => Read(() =>
    {
        var config = ModelConfig.Load(folder);
        using var weights = WeightFiles.Open(folder);
        var parameters = weights.Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));
        return new("", "safetensors", config.ModelType, [config.ModelType], Size(parameters),
            config.TorchDtype.ToString().ToLowerInvariant());
    }, new OllamaDetails("", "safetensors", "unknown", [], "unknown", "unknown"));

    /// <summary>A model that can't be run, or whose folder is gone, is listed all the same; whoever asks it is told why.</summary>
    private static T Read<T>(Func<T> read, T unknown)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is ModelException or IOException or UnauthorizedAccessException or InvalidDataException
            or NotSupportedException)
        {
            return unknown;
        }
    }

    private static string Size(long parameters) => parameters switch
    {
        >= 1_000_000_000 => (parameters / 1e9).ToString("0.#", CultureInfo.InvariantCulture) + "B",
        >= 1_000_000 => (parameters / 1e6).ToString("0.#", CultureInfo.InvariantCulture) + "M",
        _ => (parameters / 1e3).ToString("0.#", CultureInfo.InvariantCulture) + "K",
    };

    private static OllamaShown Shown(ServedModel model)
    {
        var config = ModelConfig.Load(model.Source.Folder);
        var format = (model.Source.Adapter is { } adapter ? PromptFormat.Of(adapter) : null) ?? ModelPrompt.Of(model.Source.Folder).Format;
        var takesTools = ToolCallFormat.Of(format) is not null;
        Dictionary<string, object> info = new()
        {
            ["general.architecture"] = config.ModelType,
            [$"{config.ModelType}.context_length"] = config.Context,
            [$"{config.ModelType}.embedding_length"] = config.HiddenSize,
            [$"{config.ModelType}.block_count"] = config.NumHiddenLayers,
            [$"{config.ModelType}.attention.head_count"] = config.NumAttentionHeads,
            [$"{config.ModelType}.attention.head_count_kv"] = config.NumKeyValueHeads,
            [$"{config.ModelType}.vocab_size"] = config.VocabSize,
        };
        return new("", "", format is ChatFormat chat ? chat.Template.Source : (format as PromptTemplate)?.PromptNoInput ?? "",
            Details(model.Source.Folder), info, takesTools ? ["completion", "tools", "embedding"] : ["completion", "embedding"],
            model.Created);
    }
}
