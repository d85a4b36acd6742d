using LoraAspire.DataBuild.Written.Parsing;

namespace LoraAspire.DataBuild.Written;

/// <summary>What a chat model is asked to write: the words of the request, how its answer is read, and what is taken.</summary>
/// <param name="Name">For messages: the source and what is written for it.</param>
/// <param name="Count">Items wanted.</param>
/// <param name="AtOnce">Most items to ask for in one request.</param>
internal abstract record Assignment<T>(string Name, int Count, int AtOnce)
{
    public abstract string System { get; }

    /// <summary>Task, examples and rules: all of the request that doesn't depend on what is there already.</summary>
    public abstract string Task { get; }

    /// <summary>Normalised texts of the examples: an item that repeats one is dropped.</summary>
    public abstract IEnumerable<string> ExampleKeys { get; }

    /// <summary>The closing words of a request: how many more, and which not again.</summary>
    public abstract string Ask(int count, IReadOnlyList<T> have);

    /// <param name="cutOff">The model had to stop before it had finished.</param>
    public abstract ReadAnswer<T> Read(string answer, bool cutOff);

    /// <summary>Why an item isn't taken, or null.</summary>
    public abstract string? Problem(T item);

    /// <summary>Equal for items that say the same.</summary>
    public abstract string Key(T item);
}
