using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Model.Generation;

/// <summary>How the model of a folder is asked.</summary>
/// <param name="Warning">What is odd about it, in words for whoever asks; null where nothing is.</param>
public sealed record ModelPrompt(PromptFormat Format, string? Warning)
{
    internal const string LastResort = "alpaca";

    /// <summary>
    /// The template of its training (prompt_template.json) always wins, and a warning tells of a chat template beside it that is another;
    /// then the folder's own chat template, then the fallback.
    /// </summary>
    /// <param name="fallback">Null takes alpaca, with a warning.</param>
    /// <exception cref="ModelException">What is there can't be read.</exception>
    public static ModelPrompt Of(string folder, PromptFormat? fallback = null)
    {
        if (PromptFormat.Of(folder) is { } trained)
        {
            return new(trained, Conflict(trained, folder));
        }
        return ChatTemplateFile.Load(folder) is { } own ? new(new ChatFormat(own, Date: null), null)
            : fallback is not null ? new(fallback, null)
            : new(PromptTemplate.Load(LastResort),
                $"The model brings neither {PromptFormat.FileName} nor a chat template: it is asked in the words of {LastResort}.");
    }

    private static string? Conflict(PromptFormat trained, string folder)
    {
        try
        {
            return ChatTemplateFile.Load(folder) is not { } own || trained is ChatFormat chat && chat.Template.IsLike(own) ? null
                : $"The model was trained with another template than the chat template beside its tokenizer: it is asked with "
                    + $"{(trained is ChatFormat ? "the chat template" : "the prompt template")} of its training ({PromptFormat.FileName}).";
        }
        catch (TemplateException)
        {
            return $"The chat template beside the model's tokenizer can't be read: it is asked with the template of its training "
                + $"({PromptFormat.FileName}).";
        }
    }
}
