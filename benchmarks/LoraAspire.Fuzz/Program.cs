using System.CommandLine;
using LoraAspire.Fuzz;
using LoraAspire.Model.Native;

var inputs = new Option<int>("--inputs") { Description = "Inputs for each reader", DefaultValueFactory = _ => 1000 };
var seed = new Option<int>("--seed") { Description = "Other inputs; the same seed gives the same ones", DefaultValueFactory = _ => 1 };
var only = new Option<string[]>("--only") { Description = "These readers (default: all)", AllowMultipleArgumentsPerToken = true };
var keep = new Option<string>("--keep")
{
    Description = "Folder for inputs that bring a reader down",
    DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "lora-fuzz")
};
var alone = new Option<bool>("--alone") { Description = "In this process; the last line is the reader's result", Hidden = true };
var root = new RootCommand("Feeds every reader of what others wrote with damaged and forged inputs. The last line printed is one JSON "
    + "object: inputs, crashes, hangs, peak_mb.") { inputs, seed, only, keep, alone };
root.SetAction(async (parsed, cancellationToken) =>
{
    var (count, number, folder) = (parsed.GetValue(inputs), parsed.GetValue(seed), parsed.GetRequiredValue(keep));
    if (!parsed.GetValue(alone))
    {
        return await Campaign.RunAsync(parsed.GetValue(only) ?? [], count, number, folder, cancellationToken);
    }
    LibTorch.Load();
    Campaign.RunAlone(parsed.GetValue(only)![0], count, number, folder);
    return 0;
});
return await root.Parse(args).InvokeAsync();
