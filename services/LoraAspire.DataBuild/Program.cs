using LoraAspire.DataBuild;
using LoraAspire.DataBuild.Grammar;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;

if (args is ["grammar", ..])
{
    Console.OutputEncoding = new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
    return GrammarCommand.Run(args[1..], Console.Out, Console.Error);
}
var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.Services.AddSingleton<ChatModels>();
builder.AddStage<DataBuildParams, DataBuildStage>(StageKinds.DataBuild);
var app = builder.Build();
app.MapDefaultEndpoints();
return await app.RunStageAsync(args);
