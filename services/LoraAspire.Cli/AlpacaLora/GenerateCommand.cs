using System.CommandLine;
using LoraAspire.Model;
using LoraAspire.Pipelines;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>alpaca-lora's generate.py: a base, with an adapter or without, behind the chat service, under a name.</summary>
internal static class GenerateCommand
{
    private const string Weights = "lora_weights", EightBits = "load_8bit";

    private static readonly IReadOnlyDictionary<string, string> s_instead = new Dictionary<string, string>
    {
        ["prompt_template"] = "a model is asked with the template of its training, which lies beside adapter and merged model",
        ["server_name"] = "the AppHost's --listen ADDRESS says where the chat page listens",
        ["share_gradio"] = "the chat page is this machine's own; docs/deploy.md says how others reach it",
    };

    public static IReadOnlyList<string> Flags { get; } = [FinetuneFlags.BaseModel, Weights, EightBits, .. s_instead.Keys];

    public static Command Create()
    {
        Option<string?> name = new("--name")
        { Description = "The name that it is served under (default: the adapter's folder's or the base's)" };
        Option<bool> dry = new("--dry-run") { Description = "Say what would be served, don't serve it" };
        var json = JsonScreen.Option();
        Command command = new("generate",
            "Put a base, or an adapter on it, behind the chat service, as alpaca-lora's generate.py does. "
                + "Flags: --base_model, --lora_weights (the adapter's folder, a run, or latest), --load_8bit, --prompt_template, "
                + "--server_name, --share_gradio.") { name, dry, json };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, _) =>
        {
            var flags = FireArguments.Read(parsed.UnmatchedTokens, Flags);
            var folders = App.Folders;
            var model = FoundBase.Folder(flags.TryGetValue(FinetuneFlags.BaseModel, out var given) ? FireArguments.Text(given)
                : throw new CliException($"--{FinetuneFlags.BaseModel} is missing.", ExitCode.Usage), folders);
            var weights = flags.TryGetValue(Weights, out var lora) && FireArguments.Text(lora) is { Length: > 0 } text ? text : null;
            var adapter = weights is null ? null : await AdapterPlace.FindAsync(weights);
            var called = parsed.GetValue(name) ?? Path.GetFileName((Directory.Exists(weights) ? weights : model).TrimEnd('/', '\\'));
            if (!Identifiers.IsModel(called))
            {
                throw new CliException($"'{Identifiers.Shown(called)}' is no name of a model: give --name.", ExitCode.Usage);
            }
            if (ModelCheck.Problems(model).FirstOrDefault() is { } problem)
            {
                throw new CliException(problem);
            }
            foreach (var flag in s_instead.Keys.Where(flags.ContainsKey))
            {
                await Console.Error.WriteLineAsync($"--{flag} is not needed: {s_instead[flag]}.");
            }
            if (!parsed.GetValue(dry))
            {
                new Deployments(folders.Store).Deploy(called, model, adapter,
                    flags.GetValueOrDefault(EightBits) is "true" ? "q8_0" : null);
            }
            Console.WriteLine($"{called}: {model}{(adapter is null ? "" : $" with {adapter}")}");
            var app = AppAddresses.Read(folders.State);
            Console.WriteLine(app is { } left
                ? $"{left.Lab.TrimEnd('/')}/chat?model={Uri.EscapeDataString(called)}, or `lora chat -m {called}`"
                : "The app doesn't run here: the name is served when it starts.");
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { name = called, folder = model, adapter, served = app is not null && !parsed.GetValue(dry) });
            }
            return 0;
        });
        return command;
    }
}
