using System.Text;
using LoraAspire.ChatClients.Parsing;
using Microsoft.Extensions.AI;

namespace LoraAspire.DataBuild.Written;

/// <summary>What a chat model is asked to write: the words of the request and the form of its answer.</summary>
/// <param name="Name">For messages: the source and what is written for it.</param>
/// <param name="Count">Items wanted.</param>
/// <param name="AtOnce">Most items to ask for in one request.</param>
/// <param name="Format">The JSON schema that the answer is asked to follow, where the server can hold a model to one.</param>
internal abstract record Assignment(string Name, int Count, int AtOnce, ChatResponseFormat Format)
{
    /// <param name="bySchema">The server holds the model to <see cref="Format"/>.</param>
    public abstract string System(bool bySchema);

    /// <summary>Task, examples and rules: all of the request that doesn't depend on what is there already.</summary>
    public abstract string Task { get; }

    /// <summary>Has the items written, or takes them from the cache.</summary>
    public abstract Task<IReadOnlyList<object>> WriteAsync(Writer writer, CancellationToken cancellationToken);
}

/// <summary>The same with its items: how an answer is read, and what is taken of it.</summary>
internal abstract record Assignment<T>(string Name, int Count, int AtOnce, ChatResponseFormat Format)
    : Assignment(Name, Count, AtOnce, Format) where T : class
{
    public override async Task<IReadOnlyList<object>> WriteAsync(Writer writer, CancellationToken cancellationToken) =>
        await writer.WriteAsync(this, cancellationToken);

    /// <summary>Keys of the examples: an item that repeats one is dropped.</summary>
    public abstract IEnumerable<string> ExampleKeys { get; }

    /// <summary>The closing words of a request: how many more, and which not again.</summary>
    public abstract string Ask(int count, IReadOnlyList<T> have);

    /// <param name="cutOff">The model had to stop before it had finished.</param>
    public abstract ReadAnswer<T> Read(string answer, bool cutOff);

    /// <summary>Why an item isn't taken, or null.</summary>
    public abstract string? Problem(T item);

    /// <summary>Equal for items that say the same.</summary>
    public abstract string Key(T item);

    /// <summary>
    /// What two texts have in common that say the same: letters and digits, in one case and width; brackets stay, since they mark
    /// placeholders.
    /// </summary>
    protected static string Same(string text) => string.Concat(text.Normalize(NormalizationForm.FormKC).ToLowerInvariant()
        .Where(letter => char.IsLetterOrDigit(letter) || char.IsSurrogate(letter) || letter is '[' or ']' or '_'));
}

/// <summary>The form of an answer by schema.</summary>
internal sealed record AnswerBySchema<T>(IReadOnlyList<T> Items);
