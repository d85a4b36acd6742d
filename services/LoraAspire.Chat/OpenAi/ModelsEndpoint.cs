using LoraAspire.Chat.Models;

namespace LoraAspire.Chat.OpenAi;

public sealed record ModelList(string Object, IReadOnlyList<ModelEntry> Data);

public sealed record ModelEntry(string Id, string Object, long Created, string OwnedBy);

public static class ModelsEndpoint
{
    public static void MapModels(this WebApplication app)
    {
        app.MapGet("/v1/models", (ModelCatalog catalog) => OpenAiJson.Answer(new ModelList("list", [.. catalog.List().Select(Entry)])));
        app.MapGet("/v1/models/{id}", (string id, ModelCatalog catalog) => catalog.Find(id) is { } model
            ? OpenAiJson.Answer(Entry(model))
            : throw new RequestException($"The model '{id}' does not exist.", "model", "model_not_found", StatusCodes.Status404NotFound));
    }

    private static ModelEntry Entry(ServedModel model) => new(model.Id, "model", model.Created.ToUnixTimeSeconds(), "lora-aspire");
}
