using LoraAspire.Chat.Models;

namespace LoraAspire.Chat.OpenAi;

public sealed record ModelList(string Object, IReadOnlyList<ModelEntry> Data);

public sealed record ModelEntry(string Id, string Object, long Created, string OwnedBy);

public sealed record ModelDeleted(string Id, string Object, bool Deleted);

public static class ModelsEndpoint
{
    public static void MapModels(this WebApplication app)
    {
        app.MapGet("/v1/models", (ModelCatalog catalog) => OpenAiJson.Answer(new ModelList("list", [.. catalog.List().Select(Entry)])));
        app.MapGet("/v1/models/{id}", (string id, ModelCatalog catalog) => catalog.Find(id) is { } model
            ? OpenAiJson.Answer(Entry(model)) : throw NotFound(id));
        app.MapDelete("/v1/models/{id}", (string id, ModelCatalog catalog, ModelPool pool) => Undeploy(id, catalog, pool));
    }

    /// <summary>Takes a deployed name out of service, and its model out of memory where nobody uses it. The disk keeps it.</summary>
    private static IResult Undeploy(string id, ModelCatalog catalog, ModelPool pool)
    {
        var served = catalog.Find(id);
        if (served is null || !catalog.Undeploy(id))
        {
            throw served is null ? NotFound(id)
                : new RequestException($"'{id}' is a folder of the models root: move it away to stop serving it.", "model");
        }
        pool.Unload(served.Source);
        return OpenAiJson.Answer(new ModelDeleted(id, "model", true));
    }

    internal static RequestException NotFound(string id) =>
        new($"The model '{id}' does not exist.", "model", "model_not_found", StatusCodes.Status404NotFound);

    private static ModelEntry Entry(ServedModel model) => new(model.Id, "model", model.Created.ToUnixTimeSeconds(), "lora-aspire");
}
