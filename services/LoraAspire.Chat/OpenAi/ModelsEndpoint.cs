using LoraAspire.Chat.Models;

namespace LoraAspire.Chat.OpenAi;

public static class ModelsEndpoint
{
    public static void MapModels(this WebApplication app)
    {
        app.MapGet("/v1/models",
            (ModelCatalog catalog) => Results.Json(new ModelList("list", [.. catalog.List().Select(Entry)]), OpenAiJson.Options));
        app.MapGet("/v1/models/{id}", (string id, ModelCatalog catalog) => catalog.Find(id) is { } model
            ? Results.Json(Entry(model), OpenAiJson.Options)
            : throw new RequestException($"The model '{id}' does not exist.", "model", "model_not_found", StatusCodes.Status404NotFound));
    }

    private static ModelEntry Entry(ServedModel model) => new(model.Id, "model", model.Created.ToUnixTimeSeconds(), "lora-aspire");
}
