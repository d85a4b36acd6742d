namespace LoraAspire.Pipelines.Stages;

/// <summary>For messages: the indefinite article of kinds of stages and artifacts.</summary>
public static class Article
{
    /// <summary>"an adapter", "a trainer".</summary>
    public static string With(string word) => $"{(word is ['a' or 'e' or 'i' or 'o' or 'u', ..] ? "an" : "a")} {word}";
}
