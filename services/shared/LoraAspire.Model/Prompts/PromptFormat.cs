using System.Text;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Prompts;

/// <summary>
/// How a conversation becomes ids: alpaca's kind of template (<see cref="PromptTemplate"/>) or a model's own chat template
/// (<see cref="ChatFormat"/>). Rows, chat, evaluation and the run card take their ids from here and can't differ.
/// </summary>
public abstract record PromptFormat
{
    /// <summary>The file in which a template travels with a data set, an adapter and a model.</summary>
    public const string FileName = "prompt_template.json";

    /// <summary>The whole conversation; every turn has its answer.</summary>
    /// <exception cref="Jinja.TemplateException">A chat template refuses it.</exception>
    public abstract EncodedConversation Row(Conversation conversation, HfTokenizer tokenizer);

    /// <summary>The ids up to where the next answer begins; the last turn has none yet.</summary>
    /// <exception cref="Jinja.TemplateException">A chat template refuses it.</exception>
    public abstract int[] Prompt(Conversation conversation, HfTokenizer tokenizer);

    /// <summary>Special tokens that close an answer, the tokenizer's own aside.</summary>
    public virtual IReadOnlyList<int> EndIds(HfTokenizer tokenizer) => [];

    /// <summary>Whether the first token never carries loss.</summary>
    internal abstract bool MasksFirst(HfTokenizer tokenizer);

    /// <summary>The template file's bytes.</summary>
    public abstract byte[] ToUtf8();

    /// <summary>Writes <see cref="FileName"/>.</summary>
    public void SaveTo(string folder) => File.WriteAllBytes(Path.Combine(folder, FileName), ToUtf8());

    /// <summary>A built-in template by name, or a template file of either kind.</summary>
    /// <exception cref="ModelException">Neither a built-in name nor a template; the message says what is wrong.</exception>
    public static PromptFormat Load(string nameOrFile) =>
        !PromptTemplate.BuiltIn.Contains(nameOrFile) && File.Exists(nameOrFile) && ChatFormat.Read(nameOrFile) is { } chat ? chat
            : PromptTemplate.Load(nameOrFile);

    /// <summary>The template that came with a data set's making or a model's training; null when the folder has none.</summary>
    public static PromptFormat? Of(string folder) =>
        Path.Combine(folder, FileName) is var path && File.Exists(path) ? Load(path) : null;

    private protected static byte[] Utf8(string json) => Encoding.UTF8.GetBytes(json + "\n");
}

/// <param name="Learned">Part of an answer, or of the mark that closes it.</param>
/// <param name="Special">The template (or the format) put a special token there; no text did.</param>
public readonly record struct RowToken(int Id, bool Learned, bool Special);

/// <summary>A conversation to learn from, as tokens.</summary>
/// <param name="Answers">How many of its answers are learned.</param>
/// <param name="NotLearned">What can't be learned of it and why, each in words without the record's own.</param>
public sealed record EncodedConversation(IReadOnlyList<RowToken> Tokens, int Answers, IReadOnlyList<string> NotLearned);
