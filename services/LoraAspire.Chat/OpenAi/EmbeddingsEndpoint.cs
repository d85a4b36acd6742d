using System.Runtime.InteropServices;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.Requests;
using LoraAspire.Model.Generation;

namespace LoraAspire.Chat.OpenAi;

/// <param name="Pooling">How a text's numbers come about: these models were not trained to give embeddings.</param>
public sealed record EmbeddingList(string Object, IReadOnlyList<EmbeddingEntry> Data, string Model, string Pooling, EmbeddingUsage Usage);

/// <param name="Embedding">Numbers, or base64 of little-endian float32.</param>
public sealed record EmbeddingEntry(string Object, int Index, object Embedding);

public sealed record EmbeddingUsage(long PromptTokens, long TotalTokens);

/// <summary>
/// POST /v1/embeddings: the mean over a text's tokens of the last hidden states, after the last norm; not scaled to length 1.
/// </summary>
public static class EmbeddingsEndpoint
{
    public const string Pooling = "mean_of_last_hidden_states";

    private const int MostTexts = 2048;

    public static void MapEmbeddings(this WebApplication app) =>
        app.MapPost("/v1/embeddings", async Task<IResult> (HttpContext http, ModelRunner runner) =>
        {
            var body = await RequestBody.ReadAsync(http.Request);
            var model = SamplingFields.Model(body);
            var inputs = PromptFields.Read(body, "input", MostTexts);
            if (inputs.Any(input => input.Text is ""))
            {
                throw body.Bad("input", "must not be empty");
            }
            var isBase64 = (body.Text("encoding_format") ?? "float") switch
            {
                "float" => false,
                "base64" => true,
                _ => throw body.Bad("encoding_format", "must be float or base64"),
            };
            body.Refuse("dimensions", "an embedding has as many numbers as the model's hidden states, and none of them can be left out");
            body.WithoutEffect(["user"]);
            http.Response.Warn(body.Warnings());
            var embedded = await runner.UseAsync(model, loaded => inputs.Select(input =>
            {
                http.RequestAborted.ThrowIfCancellationRequested();
                return Of(loaded, input);
            }).ToList(), http.RequestAborted);
            var tokens = embedded.Sum(one => (long)one.Tokens);
            return OpenAiJson.Answer(new EmbeddingList("list", [.. embedded.Select((one, index) => new EmbeddingEntry("embedding", index,
                isBase64 ? Convert.ToBase64String(MemoryMarshal.AsBytes<float>(one.Numbers)) : one.Numbers))], model, Pooling,
                new(tokens, tokens)));
        });

    private static (float[] Numbers, int Tokens) Of(LocalModel model, GivenText input)
    {
        var ids = input.Encode(model.Tokenizer, "input");
        return ids.Length <= model.Context ? (model.Embed(ids), ids.Length)
            : throw new RequestException($"A text of 'input' has {ids.Length} tokens, but the model's context is {model.Context}. "
                + "Shorten it.", "input", "context_length_exceeded");
    }
}
