using LoraAspire.Chat.Requests;

namespace LoraAspire.Chat.OpenAi;

/// <summary>A body of POST /v1/completions.</summary>
public sealed record CompletionRequest(IReadOnlyList<GivenText> Prompts, LocalChatOptions Options, bool Echo, bool Stream,
    bool IncludeUsage)
{
    /// <summary>OpenAI's, of this endpoint alone.</summary>
    private const int UsualTokens = 16;

    private const int MostPrompts = 256;

    /// <exception cref="RequestException">It can't be served; the field is named.</exception>
    public static CompletionRequest Read(RequestFields body)
    {
        var options = SamplingFields.Read(body);
        options.MaxOutputTokens = (int?)body.Whole("max_tokens", 1, int.MaxValue) ?? UsualTokens;
        options.TopLogprobs = (int?)body.Whole("logprobs", 0, SamplingFields.MostTopLogprobs);
        var echo = body.Flag("echo") ?? false;
        if (echo && options.TopLogprobs is not null)
        {
            throw body.Bad("logprobs", "doesn't go together with 'echo': the log probabilities of the prompt are not computed");
        }
        body.Refuse("suffix", "these models go on with a text and can't fill a gap in one", "\"\"");
        body.Refuse("best_of", "ask for several answers with 'n'", "1");
        body.WithoutEffect(["user"]);
        var prompts = PromptFields.Read(body, "prompt", MostPrompts);
        var (stream, usage) = SamplingFields.Stream(body);
        return new(prompts, options, echo, stream, usage);
    }
}
