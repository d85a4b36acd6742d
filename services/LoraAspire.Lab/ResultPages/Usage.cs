using System.Globalization;
using LoraAspire.Lab.Languages;
using LoraAspire.Model.Data;

namespace LoraAspire.Lab.ResultPages;

/// <summary>A few lines to copy.</summary>
/// <param name="Note">What has to be known beside them.</param>
public sealed record Usage(string Title, string Code, string Note);

/// <summary>How a model is used from elsewhere. Names, paths and prompts are quoted for where they stand: they may hold anything.</summary>
public static class Usages
{
    /// <param name="service">The chat service's address, without a slash at its end.</param>
    /// <param name="name">The model's there.</param>
    /// <param name="keyFile">The file of the key that the service asks for; null where it asks for none.</param>
    public static Usage OpenAi(string service, string name, string question, string? keyFile) => new("OpenAI", $"""
        from openai import OpenAI
        client = OpenAI(base_url={Python(service + "/v1")}, api_key={(keyFile is null ? "\"none\"" : $"open({Python(keyFile)}).read().strip()")})
        print(client.chat.completions.create(model={Python(name)}, messages=[{Message(question)}]).choices[0].message.content)
        """, keyFile is null ? Words.Of("Any client of OpenAI's API takes this address; it asks for no key.")
            : Words.Of("Any client of OpenAI's API takes this address, with the key of that file."));

    /// <param name="folder">The model's.</param>
    public static Usage Ollama(string? service, string? name, string folder, string called) => new("Ollama",
        (service is null || name is null ? "" : $"OLLAMA_HOST={Shell(service)} ollama run {Shell(name)}\n\n")
        + $"./lora export {Shell(folder)} --type q8_0 --out {Shell(called)}\n"
        + $"(cd {Shell(called)} && ollama create {Shell(called)} -f Modelfile)",
        service is null || name is null ? Words.Of("A GGUF file with a Modelfile, for an Ollama of yours.")
            : Words.Of("The first line asks the chat service, which speaks Ollama's API too.") + " "
                + Words.Of("The others make a GGUF file for an Ollama of yours."));

    /// <param name="prompt">As training wrote it; null of a model with a chat template of its own.</param>
    public static Usage Transformers(string folder, string? prompt, string question) => new("Transformers", $"""
        from transformers import pipeline
        answer = pipeline("text-generation", model={Python(folder)})
        print(answer({(prompt is null ? $"[{Message(question)}]" : Python(prompt))}, max_new_tokens=128, return_full_text=False)[0]["generated_text"])
        """, prompt is null ? Words.Of("Prompts are written by the model's own chat template.")
            : Words.Of("The prompt is written as in training: another question takes the same frame, see prompt_template.json."));

    /// <param name="from">The base's folder or name.</param>
    public static Usage Peft(string folder, string from) => new("PEFT", $"""
        from peft import PeftModel
        from transformers import AutoModelForCausalLM
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained({Python(from)}), {Python(folder)})
        """, Words.Of("Prompts are to be written with prompt_template.json, as in training."));

    private static string Message(string question) => "{" + $"\"role\": \"user\", \"content\": {Python(question)}" + "}";

    /// <summary>A literal; what a screen would obey or hide is spelled out.</summary>
    private static string Python(string text) => $"\"{string.Concat(text.EnumerateRunes().Select(rune => rune.Value switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\t' => "\\t",
        _ => rune.ToString() is var plain && VisibleText.Safe(plain) == plain ? plain
            : string.Create(CultureInfo.InvariantCulture, $"\\U{rune.Value:X8}"),
    }))}\"";

    private static string Shell(string text) =>
        text.Length > 0 && text.All(letter => char.IsAsciiLetterOrDigit(letter) || "/._-:".Contains(letter)) ? text
            : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
