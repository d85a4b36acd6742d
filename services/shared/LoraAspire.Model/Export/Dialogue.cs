using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Export;

/// <summary>How an exported model is spoken with.</summary>
/// <param name="Jinja">Its chat template; null where it has none that can be written as one.</param>
/// <param name="Form">The same as texts between what is said; null where it isn't of that kind.</param>
/// <param name="Stops">Texts that end an answer, beside EOS or with it.</param>
/// <param name="EndId">A token beside EOS that ends an answer.</param>
internal sealed record Dialogue(string? Jinja, TurnForm? Form, IReadOnlyList<string> Stops, int? EndId)
{
    private const int MostStops = 8;

    /// <summary>By the template of the training where a folder has one, else by the chat template beside the tokenizer.</summary>
    /// <param name="folders">The adapter's, if any, before the model's.</param>
    /// <exception cref="ModelException">A template that can't be read.</exception>
    public static Dialogue Of(IReadOnlyList<string> folders, HfTokenizer tokenizer)
    {
        try
        {
            var format = folders.Select(PromptFormat.Of).FirstOrDefault(format => format is not null) ?? folders
                .Select(folder => ChatTemplateFile.Load(folder) is { } chat ? new ChatFormat(chat, ChatFormat.RowDate) : null)
                .FirstOrDefault(format => format is not null);
            var form = format switch
            {
                PromptTemplate instruction => TurnForm.Of(instruction, tokenizer.Piece(tokenizer.EosId)),
                ChatFormat chat => TurnForm.Of(chat.Template, tokenizer.BosId >= 0 ? tokenizer.Piece(tokenizer.BosId) : null),
                _ => null,
            };
            var ends = format?.EndIds(tokenizer) ?? [];
            return new(format is ChatFormat { Template.Source: var source } ? source : form?.ToJinja(), form,
                [.. StopsOf(form, tokenizer)], ends.Where(id => id != tokenizer.EosId).Select(id => (int?)id).FirstOrDefault());
        }
        catch (TemplateException error)
        {
            throw new ModelException(error.Message, error);
        }
    }

    /// <summary>
    /// The tokens that a template writes between an answer and the next question; where there is none but EOS, the heading of the next
    /// question too, which a small model may go on to write.
    /// </summary>
    private static IEnumerable<string> StopsOf(TurnForm? form, HfTokenizer tokenizer)
    {
        if (form is null)
        {
            return [];
        }
        var markers = tokenizer.Markers(form.ToQuestion, 0, form.ToQuestion.Length)
            .Where(marker => marker.Id != tokenizer.BosId).ToList();
        List<string> stops = [.. markers.Select(marker => tokenizer.Piece(marker.Id))];
        if (markers.All(marker => marker.Id == tokenizer.EosId))
        {
            var rest = markers.Count == 0 ? form.ToQuestion : form.ToQuestion[markers[^1].End..];
            stops.AddRange(rest.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 1).Take(1));
        }
        return stops.Distinct().Take(MostStops);
    }
}
