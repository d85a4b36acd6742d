namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>A chat template that can't be read, or that refuses or fails to render what it is given.</summary>
/// <param name="words">What is wrong, in Jinja's (Python's) words where it has some; what raise_exception was given.</param>
/// <param name="line">Line of the template, from 1; 0 where it isn't known yet.</param>
public sealed class TemplateException(string words, int line = 0)
    : ModelException(line > 0 ? $"{words} (line {line} of the chat template)" : words)
{
    /// <summary>The message without the line.</summary>
    public string Words { get; } = words;

    public int Line { get; } = line;
}
