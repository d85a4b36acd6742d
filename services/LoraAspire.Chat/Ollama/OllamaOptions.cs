using System.Text.Json;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Requests;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Ollama;

/// <summary>Ollama's fields for how tokens are drawn and what an answer has to be, as ours.</summary>
internal static class OllamaOptions
{
    /// <summary>As many tokens as the context has room for: num_predict -1 and -2.</summary>
    private const int Unlimited = 1 << 20;

    private static readonly string[] s_withoutEffect =
    [
        "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "num_keep", "use_mmap", "use_mlock", "low_vram", "vocab_only", "numa",
        "f16_kv", "logits_all", "repeat_last_n", "penalize_newline", "tfs_z", "typical_p", "mirostat", "mirostat_eta", "mirostat_tau",
    ];

    /// <exception cref="RequestException">A value out of range.</exception>
    public static LocalChatOptions Read(RequestFields body, ModelCatalog catalog)
    {
        var fields = body.Object("options") ?? new RequestFields(JsonElement.Parse("{}"));
        var predict = (int?)fields.Whole("num_predict", -2, int.MaxValue);
        fields.WithoutEffect(s_withoutEffect);
        body.WithoutEffect(["keep_alive"]);
        body.WithoutEffect(["think"], "false");
        var wanted = body.Flag("logprobs") ?? false;
        var top = (int?)body.Whole("top_logprobs", 0, SamplingFields.MostTopLogprobs);
        var model = Model(body, catalog);
        var options = SamplingFields.Read(fields, "repeat_penalty");
        options.ModelId = model;
        options.MaxOutputTokens = predict < 0 ? Unlimited
            : predict == 0 ? throw fields.Bad("num_predict", "must be -2, -1 or at least 1") : predict;
        options.ResponseFormat = Format(body);
        options.TopLogprobs = wanted ? top ?? 0 : null;
        return options;
    }

    /// <summary>Ollama's clients write "name:latest" for a name alone.</summary>
    public static string Model(RequestFields body, ModelCatalog catalog)
    {
        const string latest = ":latest";
        var name = body.Text("model") ?? body.Text("name") ?? throw body.Missing("model", "GET /api/tags lists them");
        return name.EndsWith(latest, StringComparison.Ordinal) && catalog.Find(name) is null ? name[..^latest.Length] : name;
    }

    private static ChatResponseFormat? Format(RequestFields body) => body.Find("format") switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text when text.GetString() is "" => null,
        { ValueKind: JsonValueKind.String } text when text.GetString() is "json" => ChatResponseFormat.Json,
        { ValueKind: JsonValueKind.Object } schema => ChatResponseFormat.ForJsonSchema(schema),
        _ => throw body.Bad("format", "must be \"json\" or a JSON schema"),
    };
}
