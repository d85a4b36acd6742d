using System.Text;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Model;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Cli;

/// <summary>The pipeline that <c>lora init</c> writes: data, training, merge, with the settings that are changed first.</summary>
internal static class FirstPipeline
{
    /// <summary>The beginning of a file: its first record tells which form it has.</summary>
    private const int Looked = 1 << 16;

    /// <param name="data">Relative to the data root.</param>
    public static string Yaml(string name, string model, string data, LoraPaths folders)
    {
        var given = $"base: model:{model}";
        return $$"""
            # Written by `lora init`. docs/options.md has every other setting, docs/recipes.md whole examples.
            name: {{Scalar(name)}}
            stages:
              - id: data
                uses: data-build
                inputs: { {{given}} }
                with:
                  {{Template(Path.Combine(folders.Models, model))}}
                  cutoff_len: 512         # longest row in tokens; Chinese takes more of them than letters in a Llama 2 tokenizer
                  train_on_inputs: false  # only answers are learned
                  sources:
                    - {{Form(data, folders)}}: { path: {{Scalar(data)}} }
              - id: tune
                uses: trainer
                inputs: { dataset: data.dataset, {{given}} }
                with:
                  num_epochs: 3
                  learning_rate: 3e-4
                  lora_r: 8
                  lora_target_modules: all-linear
                  sample_answers: true    # three prompts that are held out, answered as it learns: a table on the run's page
                retries: 1
              - id: merge
                uses: merger
                inputs: { {{given}}, adapter: tune.adapter }
              - id: chat
                uses: chat
                inputs: { model: merge.model }

            """;
    }

    private static string Scalar(string text) => FireArguments.ToYaml(text)!;

    private static string Template(string folder)
    {
        try
        {
            return ChatTemplateFile.Load(folder) is null
                ? $"{FinetuneFlags.Template}: {FinetuneFlags.UsualTemplate}  # the base brings no chat template of its own"
                : $"{FinetuneFlags.Template}: {FinetuneFlags.ChatTemplate}  # the base's own";
        }
        catch (ModelException)
        {
            return $"{FinetuneFlags.Template}: {FinetuneFlags.UsualTemplate}  # the base's own chat template can't be read";
        }
    }

    /// <summary>Conversations by the keys of ShareGPT and OpenAI; anything else is taken for records, which `lora check` judges.</summary>
    /// <exception cref="CliException">It is no file, or leads out of the data root.</exception>
    private static string Form(string data, LoraPaths folders)
    {
        using var stream = File.OpenRead(Resolved(data, folders));
        var start = new byte[Looked];
        var text = Encoding.UTF8.GetString(start, 0, stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false));
        return text.Contains("\"conversations\"", StringComparison.Ordinal) || text.Contains("\"messages\"", StringComparison.Ordinal)
            ? SourceKinds.KeyOf(typeof(ChatSource)) : SourceKinds.KeyOf(typeof(AlpacaSource));
    }

    private static string Resolved(string data, LoraPaths folders)
    {
        try
        {
            return new DataRoot(folders.Data).Resolve(data);
        }
        catch (StageException error)
        {
            throw new CliException(error.Message, ExitCode.NotFound);
        }
    }
}
